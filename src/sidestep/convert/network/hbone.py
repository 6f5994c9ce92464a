"""NetworkPolicies that let ambient through: HBONE both ways, waypoints as peers, and probes.

Source: istio-semantics.md §2.1 (probes come from 169.254.7.127, or its twin for IPv6), §6.1 (l): policies act on a
pod's host side, where everything between pods of ambient is TCP 15008, from a waypoint's pod where one stands between.
"""

from msgspec import Struct

from sidestep.convert.network.peers import waypoint_peer
from sidestep.convert.rewrite import Tree, Waypoint
from sidestep.semantics.loose import as_dict, as_dicts
from sidestep.semantics.network_policies import PROBES
from sidestep.semantics.waypoints import HBONE_PORT

HBONE = {"port": HBONE_PORT, "protocol": "TCP"}
_TCP = ("TCP", None)


class Direction(Struct, frozen=True):
    """One direction of a policy: the list of its rules, and the field of their peers."""

    rules: str
    peers: str


INGRESS, EGRESS = Direction("ingress", "from"), Direction("egress", "to")


def opened(rules: list[Tree], direction: Direction, waypoints: tuple[Waypoint, ...]) -> list[Tree]:
    """Rules of one direction that let HBONE through for the same peers, and for waypoints between.

    Nothing is added for what passes already.
    """
    found = list(rules)
    for rule in rules:
        if not _passes(rule) and is_of_tcp(rule):
            peers = {direction.peers: rule[direction.peers]} if rule.get(direction.peers) else {}
            _add(found, {**peers, "ports": [HBONE]})
    everybody = any(_passes(rule) and not rule.get(direction.peers) for rule in found)
    if waypoints and not everybody and any(is_of_tcp(rule) and not is_probe(rule) for rule in rules):
        _add(found, {direction.peers: [waypoint_peer(each) for each in waypoints], "ports": [HBONE]})
    return found


def with_probes(rules: list[Tree]) -> list[Tree]:
    """Ingress rules that let the kubelet's probes in, which ambient shows under addresses of its own."""
    if any(not (rule.get("from") or rule.get("ports")) for rule in rules):
        return rules
    known = {block for rule in rules if is_probe(rule) for block in _blocks(rule)}
    missing = [{"ipBlock": {"cidr": block}} for block in PROBES if block not in known]
    return [*rules, {"from": missing}] if missing else rules


def is_probe(rule: Tree) -> bool:
    """Whether a rule is there for probes."""
    blocks = _blocks(rule)
    return not rule.get("ports") and bool(blocks) and all(block in PROBES for block in blocks)


def _blocks(rule: Tree) -> list[object]:
    return [as_dict(peer.get("ipBlock")).get("cidr") for peer in as_dicts(rule.get("from"))]


def is_of_tcp(rule: Tree) -> bool:
    """Whether a rule lets any TCP through; one without ports lets all."""
    ports = as_dicts(rule.get("ports"))
    return not ports or any(port.get("protocol") in _TCP for port in ports)


def _passes(rule: Tree) -> bool:
    ports = as_dicts(rule.get("ports"))
    return not ports or any(_covers(port) for port in ports)


def _covers(port: Tree) -> bool:
    if port.get("protocol") not in _TCP:
        return False
    first = port.get("port")
    if first is None:
        return True
    last = port.get("endPort") or first
    return isinstance(first, int) and isinstance(last, int) and first <= HBONE_PORT <= last


def _add(rules: list[Tree], rule: Tree) -> None:
    if rule not in rules:
        rules.append(rule)
