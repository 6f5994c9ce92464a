"""What is missing until whoever applies a repository is done, by the objects of Argo CD and Flux. Pure.

Source: argoproj/argo-cd `pkg/apis/application/v1alpha1/types.go` (sync, health, operationState); Flux's
`Kustomization` v1 and `HelmRelease` v2 (`Ready`, `observedGeneration`, `lastAppliedRevision`), kstatus' rule that a
status of an older generation says nothing.
"""

import re
from collections.abc import Iterator
from typing import Any

from sidestep.actions.worlds.effects import lacking, misses
from sidestep.actions.worlds.interface import Tree
from sidestep.errors import UsageError
from sidestep.model.metadata import ObjectId
from sidestep.semantics.loose import as_dict, as_dicts, as_text

_KINDS = {
    "application": ("argoproj.io/v1alpha1", "Application"),
    "kustomization": ("kustomize.toolkit.fluxcd.io/v1", "Kustomization"),
    "helmrelease": ("helm.toolkit.fluxcd.io/v2", "HelmRelease"),
}
_SHA = re.compile(r"\b[0-9a-f]{40}\b")


def applier(text: str) -> ObjectId:
    """The object of whoever applies the repository.

    Args:
        text: `[KIND/]NAMESPACE/NAME`; an Application of Argo CD where no kind is said.

    Raises:
        UsageError: it names none.
    """
    *kind, namespace, name = text.split("/") if text.count("/") in {1, 2} else ("", "", "")
    known = _KINDS.get(kind[0].lower() if kind and kind[0] else "application")
    if known is None or not namespace or not name:
        remedy = f"write [KIND/]NAMESPACE/NAME with one of {', '.join(_KINDS)}, e.g. argocd/shop"
        raise UsageError(f"{text!r} names nothing that applies a repository", where="--application", remedy=remedy)
    return ObjectId(*known, namespace, name)


def applier_misses(tree: Tree | None) -> str:
    """What is missing until an Application, Kustomization or HelmRelease has applied what it knows of."""
    if tree is None:
        return "it is absent"
    return _argo_misses(as_dict(tree.get("status"))) if tree.get("kind") == "Application" else _flux_misses(tree)


def revisions(tree: Tree | None) -> tuple[str, ...]:
    """The commits that were applied last, of each of its sources one; those that are no commits are left out."""
    status = as_dict((tree or {}).get("status"))
    sync = as_dict(status.get("sync"))
    several = sync.get("revisions")
    told = (sync.get("revision"), status.get("lastAppliedRevision"), *(several if isinstance(several, list) else ()))
    found = (_SHA.search(as_text(each)) for each in told)
    return tuple(dict.fromkeys(each[0] for each in found if each))


def object_misses(tree: Tree | None, wanted: Tree | None, other: Tree | None) -> str:
    """What is missing until an object is as a repository says it; empty for nothing.

    Of one that stood before, only what was changed counts: clusters fill in and others write what the repository leaves
    as it was.

    Args:
        tree: as it stands.
        wanted: as the repository says it; None where it says it no more.
        other: as it said it before; None where it did not.
    """
    if wanted is None:
        return "it is still there" if tree is not None else ""
    if other is None or tree is None:
        return next(iter(misses(tree, wanted)), "")
    return next(_changes_miss(tree, wanted, other, ""), "")


def _changes_miss(tree: object, wanted: Tree, other: Tree, path: str) -> Iterator[str]:
    """Fields that were changed and are not so, and fields that were taken away and are still there."""
    present = as_dict(tree)
    for key in sorted(wanted.keys() | other.keys()):
        now, before, at = wanted.get(key), other.get(key), f"{path}.{key}".removeprefix(".")
        if now == before:
            continue
        if isinstance(now, dict) and isinstance(before, dict):
            yield from _changes_miss(present.get(key), now, before, at)
        elif key not in wanted:
            yield from (f"{at} is still there",) if present.get(key) == before else ()
        else:
            yield from lacking(present.get(key), now, at)


def _argo_misses(status: dict[str, Any]) -> str:
    operation = as_dict(status.get("operationState"))
    if operation.get("phase") in {"Failed", "Error"}:
        return f"its sync failed: {as_text(operation.get('message')) or 'it does not say why'}"
    sync = as_text(as_dict(status.get("sync")).get("status")) or "not compared yet"
    if sync != "Synced":
        return f"it is {sync}"
    health = as_dict(status.get("health"))
    if health.get("status") != "Healthy":
        return f"it is {as_text(health.get('status')) or 'of unknown health'}" + _because(health.get("message"))
    return "its sync is running" if operation.get("phase") == "Running" else ""


def _flux_misses(tree: Tree) -> str:
    if as_dict(tree.get("spec")).get("suspend") is True:
        return "it is suspended"
    status = as_dict(tree.get("status"))
    generation = as_dict(tree.get("metadata")).get("generation")
    if isinstance(generation, int) and status.get("observedGeneration") != generation:
        return "its controller has not seen its newest generation yet"
    ready = next((row for row in as_dicts(status.get("conditions")) if row.get("type") == "Ready"), {})
    if ready.get("status") != "True":
        return "it is not Ready" + _because(ready.get("message"))
    attempted, applied = status.get("lastAttemptedRevision"), status.get("lastAppliedRevision")
    return f"it applies {attempted}" if attempted and applied and attempted != applied else ""


def _because(message: object) -> str:
    return f": {message}" if isinstance(message, str) and message else ""
