"""What sidecars let out under REGISTRY_ONLY, as a NetworkPolicy: pods behind Services, and addresses that are written.

Source: istio-semantics.md §4.4 (Sidecar), D46. A NetworkPolicy knows no host names: whatever is reached by DNS alone
cannot be said, unless it is reached by way of an egress waypoint. Nor does it see a Service's own address, which is
translated before: of a Service without selector it needs the addresses behind. Every cluster has one such, by which
pods ask the API server, and no repository says it.
"""

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.convert.network.hbone import HBONE
from sidestep.convert.network.peers import waypoint_peer, waypoints_before
from sidestep.convert.rewrite import Context, Tree, Waypoint
from sidestep.model.kinds import SERVICE_ENTRY
from sidestep.semantics.authorization.matchers import is_cidr
from sidestep.semantics.injection import NAMESPACE_NAME
from sidestep.semantics.loose import as_strings
from sidestep.semantics.service_index import CLUSTER_DOMAIN, Service

_encode = msgspec.json.Encoder(order="sorted").encode
_API_SERVER = ("default", "kubernetes")
_DNS = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
_DNS_PEER = {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: "kube-system"}}}


class Known(Struct, frozen=True):
    """Whom a sidecar lets its application call.

    Attributes:
        rules: egress rules that let the same out.
        unsaid: hosts that no address stands for, and no waypoint.
        unread: the name of the API server, if they know it and nobody read where it is; else empty.
        beside: hosts that it does not let out to, behind waypoints by which others are reached.
    """

    rules: list[Tree]
    unsaid: tuple[str, ...]
    beside: tuple[str, ...] = ()
    unread: str = ""


def known(context: Context, namespace: str, hosts: Iterable[str]) -> Known:
    """What `egress.hosts` of a namespace take in."""
    patterns = tuple(hosts)
    visible = _visible(context, namespace, patterns)
    told = [_rules(each) for each in visible if not _is_beyond(context, each)]
    rules = _distinct([{"to": [_DNS_PEER], **_DNS}, *(rule for made, _ in told for rule in made)])
    unsaid = (host for _, missing in told for host in missing)
    waypoints = _waypoints(context, visible)
    if waypoints:
        rules.append({"to": [waypoint_peer(each) for each in waypoints], "ports": [HBONE]})
    known_hosts = {each.host for each in visible}
    beside = (host for host, each in context.waypoints.items() if each in waypoints and host not in known_hosts)
    return Known(rules, tuple(dict.fromkeys(unsaid)), tuple(sorted(beside)), _unread(context, namespace, patterns))


def _distinct(rules: Iterable[Tree]) -> list[Tree]:
    """Each once: several Services may stand before the same pods."""
    return list({_encode(each): each for each in rules}.values())


def _is_beyond(context: Context, service: Service) -> bool:
    """Whether a host outside is dialled by way of an egress waypoint, and by no address of its own."""
    return service.selector is None and context.waypoint_of(service) is not None


def _waypoints(context: Context, visible: list[Service]) -> tuple[Waypoint, ...]:
    """Those before pods, and those before hosts outside."""
    before = waypoints_before(context, (pods for each in visible for pods in context.index.behind(each)))
    beyond = (context.waypoint_of(each) for each in visible if _is_beyond(context, each))
    return tuple(sorted({*before, *(each for each in beyond if each is not None)}))


def _visible(context: Context, namespace: str, hosts: tuple[str, ...]) -> list[Service]:
    found = context.index.services.by_host.values()
    return [
        each
        for each in found
        if each.exported_to(namespace) and any(_takes(h, each.namespace, each.host, namespace) for h in hosts)
    ]


def _unread(context: Context, namespace: str, hosts: tuple[str, ...]) -> str:
    """The name of the API server where pods know it, and its Service was not read; else empty."""
    space, name = _API_SERVER
    host = f"{name}.{space}.svc.{CLUSTER_DOMAIN}"
    is_read = host in context.index.services.by_host
    return host if not is_read and any(_takes(each, space, host, namespace) for each in hosts) else ""


def _takes(pattern: str, space: str, host: str, client: str) -> bool:
    """Whether `NAMESPACE/HOST` of a Sidecar takes a host of a namespace in, for pods of another."""
    where, slash, which = pattern.partition("/")
    if not slash:
        where, which = "*", pattern
    wanted = client if where == "." else where
    if wanted not in ("*", space):
        return False
    return which in ("*", host) or (which.startswith("*.") and host.endswith(which[1:]))


def _rules(service: Service) -> tuple[list[Tree], list[str]]:
    """Rules for one service, and its host where it cannot be said."""
    if service.selector:
        peer = {
            "namespaceSelector": {"matchLabels": {NAMESPACE_NAME: service.namespace}},
            "podSelector": {"matchLabels": dict(service.selector)},
        }
        return [{"to": [peer]}], []
    is_entry = service.resource.kind == SERVICE_ENTRY.name
    written = (*service.vips, *service.endpoints, *_written(service)) if is_entry else service.endpoints
    blocks = list(_blocks(written))
    dialled_by_name = service.resolution.startswith(("DNS", "DYNAMIC")) or service.external_name
    numbers = [port.number if is_entry else port.target for port in service.ports]
    if not blocks or dialled_by_name or not all(isinstance(each, int) for each in numbers):
        return [], [service.host]
    ports = [{"port": number, "protocol": "TCP"} for number in dict.fromkeys(numbers)]
    to = [{"ipBlock": {"cidr": block}} for block in blocks]
    return [{"to": to, **({"ports": ports} if ports else {})}], []


def _written(service: Service) -> tuple[str, ...]:
    spec: Any = service.resource.view.spec
    return as_strings(spec.get("addresses")) if isinstance(spec, dict) else ()


def _blocks(addresses: Iterable[str]) -> Iterator[str]:
    for address in dict.fromkeys(addresses):
        if is_cidr(address):
            yield str(ip_network(address, strict=False))
