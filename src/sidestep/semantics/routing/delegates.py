"""Delegation: a rule of one VirtualService that another one, without hosts, fills in.

Source: pilot/pkg/model/virtualservice.go (MergeHTTPRoutes). Conditions of both hold; a delegate's rule whose conditions
do not lie within the root's is dropped; what the delegate does not say, the root says.
"""

from collections.abc import Mapping
from typing import Any

from sidestep.semantics.routing.text_match import form_of
from sidestep.semantics.trees import flag, items, mapping, mappings, text, whole

_TEXTS = ("uri", "scheme", "method", "authority")
_MAPS = ("headers", "withoutHeaders", "queryParams")
_INHERITED = (
    "rewrite", "directResponse", "timeout", "retries", "fault", "mirror", "mirrorPercent", "mirrorPercentage",
    "corsPolicy", "mirrors", "headers",
)  # fmt: skip

Tree = Mapping[str, Any]


def merged(root: Tree, delegate: Tree) -> dict[str, Any] | None:
    """A delegate's rule as it holds under a root's; None where their conditions exclude each other.

    Raises:
        MalformedError: a field has a wrong type.
    """
    matches = _merged_matches(mappings(root.get("match"), "match"), mappings(delegate.get("match"), "match"))
    if matches is None:
        return None
    inherited = {field: root[field] for field in _INHERITED if root.get(field) is not None}
    said = {field: value for field, value in delegate.items() if value is not None}
    names = (text(root.get("name"), "name"), text(delegate.get("name"), "name"))
    return {**inherited, **said, "match": matches, "name": "-".join(name for name in names if name)}


def _merged_matches(root: list[Tree], delegate: list[Tree]) -> list[Tree] | None:
    """Every match of the delegate under every match of the root that has room for it."""
    if not root or not delegate:
        return delegate or root
    found: list[Tree] = []
    for own in delegate:
        fitting = [above for above in root if not _exclude(above, own)]
        if not fitting:
            return None
        found += [_merged_match(above, own) for above in fitting]
    return found


def _merged_match(root: Tree, delegate: Tree) -> Tree:
    base = {field: value for field, value in root.items() if value is not None and field != "ignoreUriCase"}
    said = {field: value for field, value in delegate.items() if value not in (None, "", 0, [])}
    together = {
        field: {**mapping(root.get(field), field), **mapping(delegate.get(field), field)}
        for field in (*_MAPS, "sourceLabels")
    }
    return {**base, **said, **together}


def _exclude(root: Tree, leaf: Tree) -> bool:
    pairs = [(root.get(field), leaf.get(field)) for field in _TEXTS]
    for field in _MAPS:
        above = mapping(root.get(field), field)
        pairs += [(above.get(name), value) for name, value in mapping(leaf.get(field), field).items()]
    if any(_texts_exclude(above, below) for above, below in pairs):
        return True
    if bool(flag(root.get("ignoreUriCase"), "ignoreUriCase")) != bool(flag(leaf.get("ignoreUriCase"), "ignoreUriCase")):
        return True
    return _places_exclude(root, leaf)


def _places_exclude(root: Tree, leaf: Tree) -> bool:
    ports = (whole(root.get("port"), "port") or 0, whole(leaf.get("port"), "port") or 0)
    if all(ports) and ports[0] != ports[1]:
        return True
    namespace = text(root.get("sourceNamespace"), "sourceNamespace")
    if namespace and namespace != text(leaf.get("sourceNamespace"), "sourceNamespace"):
        return True
    above = mapping(root.get("sourceLabels"), "sourceLabels")
    below = mapping(leaf.get("sourceLabels"), "sourceLabels")
    if any(key in above and above[key] != value for key, value in below.items()):
        return True
    own, inner = items(root.get("gateways"), "gateways"), items(leaf.get("gateways"), "gateways")
    return bool(own and inner) and (len(own) < len(inner) or any(name not in own for name in inner))


def _texts_exclude(root: object, leaf: object) -> bool:
    """Whether a condition of the delegate does not lie within the root's on the same text."""
    if root is None or leaf is None:
        return False
    form, wanted = form_of(root, "match")
    inner, written = form_of(leaf, "match")
    if form == "exact" and wanted:
        return inner != "exact" or written != wanted
    if form == "prefix" and wanted and inner in ("prefix", "exact") and written:
        return not written.startswith(wanted)
    return True
