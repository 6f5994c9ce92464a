"""A pod template without its sidecar: labelled for ambient, with what injection wrote into it taken out.

Source: istio-semantics.md §1.3, §1.5, §2.1, §7.2 (6): a template's own labels are the switch, so that exactly the
chosen workloads change on their rollout, and pods that restart by themselves agree.
"""

from typing import Any

from sidestep.convert.pods.annotations import INTERFACES, REROUTE, of_sidecars
from sidestep.convert.rewrite import Tree
from sidestep.semantics.embedded import embedded_json
from sidestep.semantics.enrolment import DATAPLANE_MODE
from sidestep.semantics.injection import INJECT
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text
from sidestep.semantics.proxies import PROXY, REVISION, STATUS, TUNNEL

_INJECTED_LABELS = ("security.istio.io/tlsMode", TUNNEL)
_LISTS = ("initContainers", "containers", "volumes", "imagePullSecrets")


def path_of(tree: Tree) -> tuple[str, ...] | None:
    """Where an object's pod template stands; None where it has none of its own."""
    spec = as_dict(tree.get("spec"))
    if as_dict(as_dict(spec.get("jobTemplate")).get("spec")).get("template"):
        return ("spec", "jobTemplate", "spec", "template")
    return ("spec", "template") if isinstance(spec.get("template"), dict) else None


def at(tree: Tree, path: tuple[str, ...]) -> Tree:
    """The tree at a path."""
    for name in path:
        tree = as_dict(tree.get(name))
    return tree


def put(tree: Tree, path: tuple[str, ...], value: Tree) -> Tree:
    """A tree with another one at a path."""
    if not path:
        return value
    return {**tree, path[0]: put(as_dict(tree.get(path[0])), path[1:], value)}


def moved(template: Tree) -> Tree:
    """As its next pods are made from: in ambient, and with no sidecar."""
    bare = _without_injected(template)
    meta = as_dict(bare.get("metadata"))
    labels = {**as_dict(meta.get("labels")), DATAPLANE_MODE: "ambient", INJECT: "false"}
    found = {**meta, "labels": labels}
    annotations = as_dict(meta.get("annotations"))
    if INTERFACES in annotations and REROUTE not in annotations:
        found["annotations"] = {**annotations, REROUTE: annotations[INTERFACES]}
    return {**bare, "metadata": found, "spec": _without_proxy(as_dict(bare.get("spec")))}


def settled(template: Tree) -> Tree:
    """Without annotations and labels that nobody reads any more."""
    meta = dict(as_dict(template.get("metadata")))
    annotations = as_dict(meta.get("annotations"))
    gone = of_sidecars(annotations)
    if gone:
        kept = {key: value for key, value in annotations.items() if key not in gone}
        meta = {**meta, "annotations": kept} if kept else {k: v for k, v in meta.items() if k != "annotations"}
    if REVISION in as_dict(meta.get("labels")):
        meta["labels"] = {key: value for key, value in meta["labels"].items() if key != REVISION}
    return {**template, "metadata": meta}


def proxies(template: Tree) -> tuple[str, ...]:
    """Fields of containers called like a sidecar that people wrote into a template."""
    spec = as_dict(template.get("spec"))
    return tuple(
        f"spec.{part}[{number}]"
        for part in ("initContainers", "containers")
        for number, each in enumerate(as_dicts(spec.get(part)))
        if each.get("name") == PROXY
    )


def _without_proxy(spec: Tree) -> Tree:
    found = dict(spec)
    for part in ("initContainers", "containers"):
        if any(each.get("name") == PROXY for each in as_dicts(spec.get(part))):
            found[part] = [each for each in spec[part] if as_dict(each).get("name") != PROXY]
            if not found[part] and part == "initContainers":
                del found[part]
    return found


def _without_injected(template: Tree) -> Tree:
    """Without what an injector wrote into a manifest, by the list that it left behind; a sidecar would win (§2.1)."""
    meta = as_dict(template.get("metadata"))
    status = embedded_json(as_text(as_dict(meta.get("annotations")).get(STATUS)))
    if status is None:
        return template
    annotations = {key: value for key, value in meta["annotations"].items() if key != STATUS}
    labels = {key: value for key, value in as_dict(meta.get("labels")).items() if key not in _INJECTED_LABELS}
    spec: dict[str, Any] = dict(as_dict(template.get("spec")))
    for part in _LISTS:
        names = as_strings(status.get(part))
        if part in spec and names:
            spec[part] = [each for each in spec[part] if as_dict(each).get("name") not in names]
    return {**template, "metadata": {**meta, "annotations": annotations, "labels": labels}, "spec": spec}
