"""What is attached to a service, attached to the Services of its subsets too: clients may dial each of them (D19)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sidestep.convert.policies.copies import copy_name
from sidestep.convert.policies.twins import target_of
from sidestep.convert.rewrite import ORIGIN, RULE, ChangeKind, Rule, Tree
from sidestep.convert.routes.subsets import CODE, SubsetService
from sidestep.convert.routes.survey import Survey
from sidestep.model.kinds import KINDS
from sidestep.model.resource import Resource
from sidestep.semantics.by_selector import grouped
from sidestep.semantics.loose import as_dict, as_dicts

_KEPT = "attached objects"
_READ = ("sidestep.dev", "istio.io")
"""Annotations and labels that mean something: of tools that keep objects there is nothing to take over."""
_Target = tuple[str, str, str]


def attached_too(found: Survey, each: SubsetService, rules: Iterable[Rule]) -> Iterator[Tree]:
    """Copies for a subset's Service of what stands attached to its parent, and of what rewrites attach to it."""
    if _KEPT not in found.kept:
        found.kept[_KEPT] = grouped(_attached(found, tuple(rules)), lambda pair: pair[0])
    known: Mapping[_Target, Sequence[tuple[_Target, Tree]]] = found.kept[_KEPT]
    parent = target_of(each.parent)
    for _, tree in known.get((each.namespace, parent["kind"], parent["name"]), ()):
        yield _copied(tree, each)


def _attached(found: Survey, rules: tuple[Rule, ...]) -> Iterator[tuple[_Target, Tree]]:
    """Objects by what they are attached to; copies that were made before are not copied again."""
    trees: dict[tuple[str, str, str], Tree] = {}
    for rule in rules:
        for resource in _of(found, rule):
            standing = [resource.tree()] if resource.body else []
            changes = rule.rewrite(resource, found.context).changes
            for tree in (*standing, *(each.manifest for each in changes if each.kind is not ChangeKind.REMOVE)):
                if tree is not None:
                    meta = tree["metadata"]
                    trees[str(tree["kind"]), str(meta.get("namespace", "")), str(meta["name"])] = tree
    for (_, space, _), tree in sorted(trees.items()):
        if as_dict(tree["metadata"].get("annotations")).get(RULE) != CODE:
            for target in as_dicts(as_dict(tree.get("spec")).get("targetRefs")):
                yield (space, str(target.get("kind")), str(target.get("name"))), tree


def _of(found: Survey, rule: Rule) -> Iterator[Resource[Any]]:
    for kind in KINDS:
        if kind.name in rule.kinds:
            yield from found.index.mesh.of(kind)


def _copied(tree: Tree, each: SubsetService) -> Tree:
    meta = tree["metadata"]
    origin = f"{tree['kind']} {meta.get('namespace', '')}/{meta['name']}"
    notes = {key: value for key, value in as_dict(meta.get("annotations")).items() if _is_read(key)}
    labels = {key: value for key, value in as_dict(meta.get("labels")).items() if _is_read(key)}
    name = copy_name(each.name, each.parent.name, str(meta["name"]))
    target = {"group": "", "kind": "Service", "name": each.name}
    return {
        "apiVersion": tree["apiVersion"],
        "kind": tree["kind"],
        "metadata": {
            "name": name,
            "namespace": each.namespace,
            "annotations": {**notes, ORIGIN: origin, RULE: CODE},
            **({"labels": labels} if labels else {}),
        },
        "spec": {**as_dict(tree.get("spec")), "targetRefs": [target]},
    }


def _is_read(key: str) -> bool:
    return key.partition("/")[0].endswith(_READ)
