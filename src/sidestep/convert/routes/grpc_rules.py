"""Rules of HTTPRoutes that say nothing but what a GRPCRoute can say, as rules of GRPCRoutes.

Source: pilot/pkg/config/kube/gateway/conversion.go (createGRPCURIMatch): a service and method are an exact path, and
a match without them stands last, so that the order of paths and catch-alls is the same.
"""

import re
from collections.abc import Sequence

from sidestep.convert.rewrite import Tree

_CALL = re.compile(r"/([A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_][A-Za-z_0-9]*)*)/([A-Za-z_][A-Za-z_0-9]*)")
_FIELDS = frozenset({"name", "matches", "filters", "backendRefs"})
_FILTERS = frozenset({"RequestHeaderModifier", "ResponseHeaderModifier", "RequestMirror"})
_EVERY = {"type": "PathPrefix", "value": "/"}


def grpc_rules(rules: Sequence[Tree]) -> list[Tree] | None:
    """The same rules of a GRPCRoute; None where it could not say one."""
    found = [_rule(rule) for rule in rules]
    told = [rule for rule in found if rule is not None]
    calls = any("method" in match for rule in told for match in rule["matches"])
    return told if len(told) == len(found) and calls else None


def _rule(rule: Tree) -> Tree | None:
    if rule.keys() - _FIELDS or any(each["type"] not in _FILTERS for each in rule.get("filters", ())):
        return None
    matches = [_match(each) for each in rule["matches"]]
    told = [each for each in matches if each is not None]
    return {**rule, "matches": told} if len(told) == len(matches) else None


def _match(tree: Tree) -> Tree | None:
    if tree.keys() - {"path", "headers"}:
        return None
    headers = {"headers": tree["headers"]} if "headers" in tree else {}
    if tree["path"] == _EVERY:
        return headers
    call = _CALL.fullmatch(tree["path"]["value"]) if tree["path"]["type"] == "Exact" else None
    return {"method": {"type": "Exact", "service": call[1], "method": call[2]}, **headers} if call else None
