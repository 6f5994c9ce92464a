"""A conversion as a folder for Kustomize: a base, an overlay for each wave upon it, and one for the end.

Each overlay stands upon the one before, so that one path holds everything up to its stage. Changes are JSON patches
(RFC 6902), which say the same for every kind; objects that go are strategic merge patches with `$patch: delete`
(checked with kustomize 5).
"""

from collections.abc import Iterator
from typing import Any

from sidestep.actions.stages import BASE, Stage, Staged
from sidestep.convert.ledger import Key, key_of
from sidestep.convert.rewrite import Tree
from sidestep.report.conversion.document import Conversion
from sidestep.report.conversion.markdown import losses_page
from sidestep.report.conversion.names import Names
from sidestep.report.formats import Look
from sidestep.report.json_document import render
from sidestep.report.plan.kustomize import pointer, target_of
from sidestep.report.plan.manifests import as_yaml, client_set, named_patch

MARK = "conversion.json"
"""What tells a folder of ours from anybody else's."""
LOSSES = "losses.md"
INSTALL = "install"
_KUSTOMIZATION = "kustomization.yaml"
_HEADERS = {
    BASE: "# What can stand before anybody moves: nobody decides otherwise than today by it.",
    "waves": "# What moves the workloads of this wave; its pods are made anew when it is applied.",
    "late": "# What holds only once no sidecar is left that reads what stood before.",
}
_Files = Iterator[tuple[str, str]]


def conversion_files(conversion: Conversion, found: tuple[Stage, ...]) -> dict[str, str]:
    """Texts by path relative to the folder; equal conversions give equal bytes."""
    names = Names()
    files = {MARK: render(conversion, Look()), LOSSES: losses_page(conversion)}
    below = ""
    for stage in found:
        files |= dict(_base(stage, found, names) if stage.name == BASE else _overlay(stage, below, names))
        below = stage.name
    return dict(sorted(files.items()))


def is_ours(name: str) -> bool:
    """Whether a file of such a folder, by its relative path, can be one that a conversion wrote."""
    return name in (MARK, LOSSES) or name.partition("/")[0] in (*_HEADERS, INSTALL)


def _base(stage: Stage, found: tuple[Stage, ...], names: Names) -> _Files:
    """Every object that is there before anybody moves and that some stage touches, as the base leaves it."""
    objects: dict[Key, Tree] = {}
    for each in stage.objects:
        if each.after is not None:
            objects[key_of(each.object)] = each.after
    settled = {key_of(each.object) for each in stage.objects}
    for later in found[1:]:
        for each in later.objects:
            key = key_of(each.object)
            if key not in settled and each.before is not None:
                objects[key] = each.before
            settled.add(key)
    resources = []
    for key, tree in sorted(objects.items()):
        resources.append(names.of(key))
        yield f"{stage.name}/{resources[-1]}", as_yaml(client_set(tree))
    yield f"{stage.name}/{_KUSTOMIZATION}", _kustomization(stage.name, resources, [])


def _overlay(stage: Stage, below: str, names: Names) -> _Files:
    up = "/".join([".."] * (stage.name.count("/") + 1))
    resources, patches = [f"{up}/{below}"], []
    for each in stage.objects:
        name = names.of(key_of(each.object))
        if each.before is None and each.after is not None:
            resources.append(name)
            yield f"{stage.name}/{name}", as_yaml(client_set(each.after))
        else:
            patches.append({"path": f"patches/{name}", "target": target_of(each.object)})
            yield f"{stage.name}/patches/{name}", as_yaml(_patch(each))
    yield f"{stage.name}/{_KUSTOMIZATION}", _kustomization(stage.name, resources, patches)


def _patch(each: Staged) -> Any:
    if each.after is None or each.before is None:
        return {"$patch": "delete", **named_patch(each.object, {})}
    return list(_operations((), client_set(each.before), client_set(each.after)))


def _operations(path: tuple[str, ...], before: Tree, after: Tree) -> Iterator[Tree]:
    for name in sorted({*before, *after}):
        here = (*path, name)
        one, other = before.get(name), after.get(name)
        if name not in after:
            yield {"op": "remove", "path": pointer(here)}
        elif name in before and isinstance(one, dict) and isinstance(other, dict):
            yield from _operations(here, one, other)
        elif name not in before or one != other:
            yield {"op": "add" if name not in before else "replace", "path": pointer(here), "value": other}


def _kustomization(stage: str, resources: list[str], patches: list[Tree]) -> str:
    """A stage as Kustomize reads it; one of nothing lists nothing, or it would be refused as empty."""
    tree: Tree = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": resources}
    tree |= {"patches": patches} if patches else {}
    return f"{_HEADERS[stage.partition('/')[0]]}\n{as_yaml(tree)}"
