"""What DestinationRules ask of connections, in words: one `path: value` for each field that is set.

Source: pilot/pkg/networking/util (MergeSubsetTrafficPolicy): settings of a port replace those of the host as a whole;
a subset's settings replace the host's field by field.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sidestep.semantics.trees import mapping, mappings, whole

_REPLACED = ("connectionPool", "outlierDetection", "loadBalancer", "tls")
_FIELDS = (*_REPLACED, "tunnel", "proxyProtocol", "retryBudget")

Tree = Mapping[str, Any]


def effective(policy: Tree | None, subset: Tree | None, port: int) -> dict[str, Any]:
    """The settings for one port of one subset.

    Raises:
        MalformedError: a field has a wrong type.
    """
    base, _ = _for_port(policy or {}, port)
    merged = {field: base[field] for field in _FIELDS if base.get(field) is not None}
    if subset:
        own, by_port = _for_port(subset, port)
        if by_port:
            merged = {field: value for field, value in merged.items() if field not in _REPLACED}
        merged.update({field: own[field] for field in _FIELDS if own.get(field) is not None})
    return merged


def _for_port(policy: Tree, port: int) -> tuple[Tree, bool]:
    for at, each in enumerate(mappings(policy.get("portLevelSettings"), "portLevelSettings")):
        where = f"portLevelSettings[{at}].port"
        if whole(mapping(each.get("port"), where).get("number"), f"{where}.number") == port:
            return each, True
    return policy, False


def words(settings: Tree) -> tuple[str, ...]:
    """Settings as sorted words."""
    return tuple(sorted(_leaves(settings, "")))


def _leaves(value: object, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _leaves(each, f"{path}.{key}" if path else str(key))
        if not value and path:
            yield f"{path}: {{}}"
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _leaves(each, f"{path}[{at}]")
    elif value is not None:
        yield f"{path}: {str(value).lower() if isinstance(value, bool) else value}"
