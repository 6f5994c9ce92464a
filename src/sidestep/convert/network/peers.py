"""Peers of NetworkPolicy rules: waypoints as peers, and blocks of addresses.

Source: Kubernetes NetworkPolicy API.
"""

from collections.abc import Iterable

from sidestep.convert.rewrite import Context, Tree, Waypoint
from sidestep.model.kinds import SERVICE_ENTRY
from sidestep.semantics.authorization.matchers import Cidr, is_cidr
from sidestep.semantics.injection import NAMESPACE_NAME
from sidestep.semantics.instances import Instances
from sidestep.semantics.loose import as_dict, as_dicts, as_text
from sidestep.semantics.proxies import GATEWAY_NAME
from sidestep.semantics.routing.hosts import is_address
from sidestep.semantics.service_index import Service

_EVERYWHERE = ("0.0.0.0/0", "::/0")


def waypoint_peer(waypoint: Waypoint) -> Tree:
    """A waypoint's pods."""
    return {
        "namespaceSelector": {"matchLabels": {NAMESPACE_NAME: waypoint.namespace}},
        "podSelector": {"matchLabels": {GATEWAY_NAME: waypoint.name}},
    }


def waypoints_before(context: Context, pods: Iterable[Instances]) -> tuple[Waypoint, ...]:
    """The waypoints by which pods are reached."""
    found = {context.waypoint_of(service) for each in pods for service in context.index.in_front_of(each)}
    return tuple(sorted(each for each in found if each is not None))


def waypoints_outward(context: Context, peers: object) -> tuple[Waypoint, ...]:
    """The waypoints by which hosts outside are reached that peers take in by their addresses."""
    blocks = [as_dict(each["ipBlock"]) for each in as_dicts(peers) if "ipBlock" in each]
    found = set()
    for host, waypoint in context.waypoints.items():
        service = context.index.services.by_host.get(host)
        if service is not None and _is_outside(service) and any(_reaches(each, service) for each in blocks):
            found.add(waypoint)
    return tuple(sorted(found))


def _is_outside(service: Service) -> bool:
    return service.resource.kind == SERVICE_ENTRY.name and service.selector is None


def _reaches(block: Tree, service: Service) -> bool:
    """Whether a block takes in a host; of one that only DNS knows, whether it takes in the world."""
    known = tuple(each for each in service.endpoints or service.vips if is_address(each))
    return holds(block, known) if known else block.get("cidr") in _EVERYWHERE


def holds(block: Tree, addresses: Iterable[str]) -> bool:
    """Whether an `ipBlock` takes in one of some addresses."""
    excepted = block.get("except")
    outer, *inner = (as_text(each) for each in (block.get("cidr"), *(excepted if isinstance(excepted, list) else ())))
    if not all(map(is_cidr, (outer, *inner))):
        return False
    return any(Cidr(outer).matches(each) and not any(Cidr(gap).matches(each) for gap in inner) for each in addresses)
