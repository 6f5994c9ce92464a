"""Texts that complete an object as strategic merge patches do: mappings are merged, lists by their items' names."""

from collections.abc import Iterable
from typing import Any

from sidestep.lab.cluster.objects import Tree
from sidestep.semantics.embedded import embedded_yaml

_NAMED_BY = {
    "containers": "name", "initContainers": "name", "env": "name", "volumes": "name", "volumeMounts": "mountPath",
    "ports": "port", "topologySpreadConstraints": "topologyKey", "imagePullSecrets": "name",
}  # fmt: skip


def overlaid(tree: Tree, texts: Iterable[str]) -> Tree | None:
    """The object with everything that is written over it, the last counting most; None where nothing is written."""
    found = [each for text in texts if (each := embedded_yaml(text)) is not None]
    for each in found:
        tree = _merged(tree, each)
    return tree if found else None


def _merged(under: Any, over: Any, name: str = "") -> Any:
    if isinstance(under, dict) and isinstance(over, dict):
        kept = {key: value for key, value in under.items() if over.get(key, key) is not None}
        named = {key: _merged(kept.get(key), value, key) for key, value in over.items() if value is not None}
        return {**kept, **named}
    key = _NAMED_BY.get(name)
    if key is not None and isinstance(under, list) and isinstance(over, list):
        return _by_name(under, over, key)
    return over


def _by_name(under: list[Any], over: list[Any], key: str) -> list[Any]:
    rows = {each.get(key): each for each in under if isinstance(each, dict)}
    for each in over:
        if isinstance(each, dict):
            rows[each.get(key)] = _merged(rows.get(each.get(key)), each)
    return list(rows.values())
