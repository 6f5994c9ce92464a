"""What sidecars let out under REGISTRY_ONLY, as a NetworkPolicy: pods behind Services, and addresses that are written.

Source: istio-semantics.md §4.4 (Sidecar), D46. A NetworkPolicy knows no host names: whatever is reached by DNS alone
cannot be said.
"""

from collections.abc import Iterable, Iterator
from ipaddress import ip_network
from typing import Any

from msgspec import Struct

from sidestep.convert.network.hbone import HBONE
from sidestep.convert.network.peers import waypoint_peer, waypoints_before
from sidestep.convert.rewrite import Context, Tree
from sidestep.semantics.injection import NAMESPACE_NAME
from sidestep.semantics.loose import as_strings
from sidestep.semantics.service_index import Service

_DNS = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
_DNS_PEER = {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: "kube-system"}}}


class Known(Struct, frozen=True):
    """Whom a sidecar lets its application call.

    Attributes:
        rules: egress rules that let the same out.
        unsaid: hosts that no address stands for.
    """

    rules: list[Tree]
    unsaid: tuple[str, ...]


def known(context: Context, namespace: str, hosts: Iterable[str]) -> Known:
    """What `egress.hosts` of a namespace take in."""
    visible = _visible(context, namespace, tuple(hosts))
    rules: list[Tree] = [{"to": [_DNS_PEER], **_DNS}]
    unsaid: list[str] = []
    for service in visible:
        made, missing = _rules(service)
        rules += [rule for rule in made if rule not in rules]
        unsaid += missing
    pods = [each for service in visible for each in context.index.behind(service)]
    waypoints = waypoints_before(context, pods)
    if waypoints:
        rules.append({"to": [waypoint_peer(each) for each in waypoints], "ports": [HBONE]})
    return Known(rules, tuple(dict.fromkeys(unsaid)))


def _visible(context: Context, namespace: str, hosts: tuple[str, ...]) -> list[Service]:
    found = context.index.services.by_host.values()
    return [each for each in found if each.exported_to(namespace) and any(_takes(h, each, namespace) for h in hosts)]


def _takes(pattern: str, service: Service, namespace: str) -> bool:
    """Whether `NAMESPACE/HOST` of a Sidecar takes a service in."""
    space, slash, host = pattern.partition("/")
    if not slash:
        space, host = "*", pattern
    wanted = namespace if space == "." else space
    if wanted not in ("*", service.namespace):
        return False
    return host in ("*", service.host) or (host.startswith("*.") and service.host.endswith(host[1:]))


def _rules(service: Service) -> tuple[list[Tree], list[str]]:
    """Rules for one service, and its host where it cannot be said."""
    if service.selector:
        peer = {
            "namespaceSelector": {"matchLabels": {NAMESPACE_NAME: service.namespace}},
            "podSelector": {"matchLabels": dict(service.selector)},
        }
        return [{"to": [peer]}], []
    blocks = list(_blocks((*service.vips, *service.endpoints, *_written(service))))
    dialled_by_name = service.resolution.startswith(("DNS", "DYNAMIC")) or service.external_name
    if not blocks or dialled_by_name:
        return [], [service.host]
    ports = [{"port": port.number, "protocol": "TCP"} for port in service.ports]
    to = [{"ipBlock": {"cidr": block}} for block in blocks]
    return [{"to": to, **({"ports": ports} if ports else {})}], []


def _written(service: Service) -> tuple[str, ...]:
    spec: Any = service.resource.view.spec
    return as_strings(spec.get("addresses")) if isinstance(spec, dict) else ()


def _blocks(addresses: Iterable[str]) -> Iterator[str]:
    for address in dict.fromkeys(addresses):
        try:
            yield str(ip_network(address, strict=False))
        except ValueError:
            continue
