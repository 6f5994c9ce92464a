"""Objects as effects leave them, or why they cannot: values, none of which knows about the others."""

from typing import Any

import msgspec
from msgspec import Struct, structs

from sidestep.actions.in_memory import trees
from sidestep.model.build import carried, known_kind, typed
from sidestep.model.metadata import ObjectId
from sidestep.model.origin import FileOrigin, Origin
from sidestep.model.resource import Resource
from sidestep.plan.steps import Apply, LabelChanges, Patch, SetLabels
from sidestep.semantics.selectors import selects

_MADE = FileOrigin("plan")
"""Where objects stand that no source has read."""


class Refusal(Struct, frozen=True):
    """Why an effect cannot apply, in words."""

    reason: str


def absent(what: object) -> Refusal:
    """There is nothing that could be changed."""
    return Refusal(f"{what} is absent")


def relabelled(found: Resource[Any], effect: SetLabels) -> Resource[Any] | Refusal:
    """An object with other labels, of its own or in its pod template; the same one where nothing changes."""
    if not found.body:
        return _relabelled_evidence(found, effect)
    tree, path = found.tree(), trees.template_path(found.kind) if effect.template else trees.OWN
    if effect.template and not trees.has_table(tree, path[:-1]):
        return Refusal(f"{found.id} has no pod template")
    wrong = unexpected(trees.labels_at(tree, path), effect.before)
    if wrong:
        return Refusal(f"{found.id}: {wrong}")
    changed = rebuilt(found, trees.relabelled(tree, path, effect.labels))
    lost = isinstance(changed, Resource) and _selects_itself(found) and not _selects_itself(changed)
    if effect.template and lost:
        return Refusal(f"{found.id}: its selector would no longer match its template")
    return changed


def unexpected(present: dict[str, str], before: LabelChanges) -> str:
    """How labels differ from what a step was written for; empty when they do not."""
    for name, value in before.items():
        found = present.get(name)
        if found != value:
            return f"label {name} is {_spelled(found)} and not {_spelled(value)}"
    return ""


def patched(found: Resource[Any], effect: Patch) -> Resource[Any] | Refusal:
    """An object after a merge patch; the same one where nothing changes."""
    if not found.body:
        return Refusal(f"{found.id} is known in part only and cannot be patched")
    changed = rebuilt(found, trees.merge_patched(found.tree(), effect.patch))
    if isinstance(changed, Resource) and not _is_named(changed, found.id):
        return Refusal(f"{found.id}: the patch makes another object of it")
    return changed


def applied(found: Resource[Any] | None, effect: Apply) -> Resource[Any] | Refusal:
    """An object after it was applied whole; the same one where nothing changes."""
    named = effect.object
    if named.kind == "Secret" and "/" not in named.api_version:
        return Refusal(f"{named}: Secrets are never held")
    if found is not None and found.body:
        changed = rebuilt(found, trees.applied(found.tree(), effect.manifest), anew=True)
    else:
        changed = _built(effect.manifest, named, found.origin if found else _MADE)
    if isinstance(changed, Resource) and not _is_named(changed, named):
        return Refusal(f"{named}: the manifest is of {changed.id}")
    return changed


def rebuilt(found: Resource[Any], tree: trees.Tree, *, anew: bool = False) -> Resource[Any] | Refusal:
    """An object whose tree is another now; the same one where it is not.

    What a source could not type is carried on, unless it is told `anew`.
    """
    typed_on = anew or found.view is not None
    return found if tree == found.tree() else _built(tree, found.id, found.origin, known=typed_on)


def _built(tree: trees.Tree, named: ObjectId, origin: Origin, *, known: bool = True) -> Resource[Any] | Refusal:
    api_version, name = tree.get("apiVersion", named.api_version), tree.get("kind", named.kind)
    if not isinstance(api_version, str) or not isinstance(name, str):
        return Refusal(f"{named}: apiVersion and kind must be strings")
    kind = known_kind(api_version, name) if known else None
    try:
        raw = msgspec.json.encode(tree)
        if kind is None:
            return carried(raw, api_version, name, origin)
        return typed(kind, raw, api_version, name, origin)
    except (msgspec.MsgspecError, RecursionError) as error:
        return Refusal(f"{named}: {error}")


def _relabelled_evidence(found: Resource[Any], effect: SetLabels) -> Resource[Any] | Refusal:
    """A kind of which only typed parts are kept."""
    if effect.template:
        return Refusal(f"{found.id}: its pod template is not kept")
    wrong = unexpected(found.meta.labels, effect.before)
    if wrong:
        return Refusal(f"{found.id}: {wrong}")
    labels = changed_labels(found.meta.labels, effect.labels)
    return (
        found
        if labels == found.meta.labels
        else structs.replace(found, meta=structs.replace(found.meta, labels=labels))
    )


def changed_labels(labels: dict[str, str], changes: LabelChanges) -> dict[str, str]:
    """Labels after changes to some of them."""
    merged = {**labels, **changes}
    return {name: value for name, value in merged.items() if value is not None}


def _selects_itself(controller: Resource[Any]) -> bool:
    """Whether a controller's selector still finds its pods; the API server refuses one that does not."""
    spec = getattr(controller.view, "spec", None)
    selector, template = getattr(spec, "selector", None), getattr(spec, "template", None)
    return selector is None or template is None or selects(selector, template.metadata.labels)


def _is_named(resource: Resource[Any], named: ObjectId) -> bool:
    kind = known_kind(resource.api_version, resource.kind)
    namespace = named.namespace
    if kind is not None and resource.view is not None:
        namespace = (namespace or "default") if kind.namespaced else resource.meta.namespace
    same_group = resource.api_version.rpartition("/")[0] == named.api_version.rpartition("/")[0]
    same_kind = kind is known_kind(named.api_version, named.kind) if kind else same_group
    return same_kind and (resource.kind, resource.meta.namespace, resource.meta.name) == (
        named.kind, namespace, named.name,
    )  # fmt: skip


def _spelled(value: str | None) -> str:
    return "absent" if value is None else repr(value)
