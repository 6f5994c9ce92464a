"""VirtualServices that Istio's admission refuses: hosts, and rules for connections; rules for HTTP are in `http_rule`.

Source: `ValidateVirtualService` of Istio 1.31 (pkg/config/validation/validation.go).
"""

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

from sidestep.semantics.admission.fields import Found, export_refusals, host_refusals
from sidestep.semantics.admission.http_rule import http_refusals
from sidestep.semantics.admission.weights import weight_refusals
from sidestep.semantics.loose import as_dicts, as_strings
from sidestep.semantics.routing.hosts import MESH, is_address, overlap, within

_PARTS = ("http", "tls", "tcp")
_MADE = "outbound_"
"""Server names that gateways between networks pass on open so."""


def virtual_service_refusals(spec: Mapping[str, Any], namespace: str = "") -> Found:
    """Fields of a VirtualService's spec that are refused, and why."""
    if not isinstance(spec.get("hosts") or [], list):
        yield "hosts", "it is no list"
        return
    hosts, gateways = as_strings(spec.get("hosts")), as_strings(spec.get("gateways"))
    if not hosts:
        yield from _delegate(spec)
    yield from _hosts(hosts, of_mesh=not gateways or MESH in gateways)
    if not any(spec.get(part) for part in _PARTS):
        yield "http", "there is no rule: http, tls or tcp must be there"
    for part in _PARTS:
        rules = spec.get(part)
        for number, rule in enumerate(rules if isinstance(rules, list) else []):
            yield from _rule(part, rule, f"{part}[{number}]", hosts)
    yield from export_refusals(spec, namespace)


def _delegate(spec: Mapping[str, Any]) -> Found:
    """Who has no hosts is a delegate."""
    for name in ("gateways", "tls", "tcp"):
        if spec.get(name):
            yield name, "a VirtualService without hosts is a delegate, and has http alone"


def _hosts(hosts: tuple[str, ...], *, of_mesh: bool) -> Found:
    for number, host in enumerate(hosts):
        if host == "*" and of_mesh:
            yield f"hosts[{number}]", "`*` is for gateways alone"
        elif not is_address(host) and (of_mesh or not host.startswith(_MADE)):
            yield from host_refusals(host, f"hosts[{number}]")
    for one, other in combinations(hosts, 2):
        if overlap(one, other):
            yield "hosts", f"{one} and {other} are the same in part"


def _rule(part: str, rule: object, at: str, hosts: tuple[str, ...]) -> Found:
    if not isinstance(rule, dict):
        yield at, "a rule is no object"
    elif part == "http":
        yield from http_refusals(rule, at, is_delegate=not hosts)
    else:
        if part == "tls":
            yield from _server_names(rule, at, hosts)
        if not rule.get("route"):
            yield f"{at}.route", "it must be there"
        yield from weight_refusals(rule.get("route"), f"{at}.route")


def _server_names(rule: dict[str, Any], at: str, hosts: Iterable[str]) -> Found:
    matches = as_dicts(rule.get("match"))
    if not matches:
        yield f"{at}.match", "a rule for TLS asks for server names"
    for number, match in enumerate(matches):
        where = f"{at}.match[{number}].sniHosts"
        names = as_strings(match.get("sniHosts"))
        if not names:
            yield where, "it must not be empty"
        for name in names:
            if not is_address(name) and not any(within(name, host) for host in hosts):
                yield where, f"{name} is not within the hosts"
