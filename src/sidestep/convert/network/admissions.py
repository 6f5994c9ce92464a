"""What NetworkPolicies let in, port by port: pods take the union of all policies that select them.

Source: Kubernetes NetworkPolicy API; istio-semantics.md §6.1 (l).
"""

import json
from collections.abc import Iterable
from functools import cached_property

from msgspec import Struct

from sidestep.convert.network.hbone import HBONE, is_of_tcp, is_probe
from sidestep.convert.rewrite import Tree
from sidestep.semantics.instances import Instances
from sidestep.semantics.loose import as_dicts

_ALL_PORTS = range(1, 65536)
_LAST_PORT = _ALL_PORTS[-1]


class Admitted(Struct, frozen=True, dict=True):
    """Who comes to some ports.

    Attributes:
        ports: the ports; of the rest, those that it is not about.
        rest: whether it is about all ports but those.
        peers: who, as rules name them; None for everybody.
    """

    ports: tuple[int, ...]
    rest: bool
    peers: tuple[Tree, ...] | None

    @cached_property
    def said(self) -> tuple[str, tuple[int, ...]]:
        """The field and the ports of an operation that says so in the fewest words; no ports for all of them."""
        field, other = ("notPorts", "ports") if self.rest else ("ports", "notPorts")
        if 2 * len(self.ports) <= len(_ALL_PORTS):
            return field, self.ports
        own = frozenset(self.ports)
        return other, tuple(port for port in _ALL_PORTS if port not in own)


def admissions(rules: Iterable[Tree], pods: Iterable[Instances]) -> tuple[Admitted, ...] | None:
    """Ports with the same peers together, the rest last; None where the ports of a rule cannot be told."""
    here = tuple(pods)
    told = [(rule, _numbers(as_dicts(rule.get("ports")), here)) for rule in told_rules(rules)]
    if any(ports is None and rule.get("ports") for rule, ports in told):
        return None
    named = sorted({port for _, ports in told for port in ports or ()})
    by_rules: dict[tuple[int, ...], list[int]] = {}
    for port in named:
        taking = tuple(at for at, (_, ports) in enumerate(told) if ports is None or port in ports)
        by_rules.setdefault(taking, []).append(port)
    found = _by_peers((_together(told[at][0] for at in taking), ports) for taking, ports in by_rules.items())
    if len(named) < len(_ALL_PORTS):
        found.append(Admitted(tuple(named), True, _together(rule for rule, ports in told if ports is None)))
    return tuple(found)


def _by_peers(admitted: Iterable[tuple[tuple[Tree, ...] | None, list[int]]]) -> list[Admitted]:
    """Ports with the same peers together, in the order of their first ones."""
    found: dict[str, tuple[tuple[Tree, ...] | None, list[int]]] = {}
    for peers, ports in admitted:
        found.setdefault(json.dumps(peers, sort_keys=True), (peers, []))[1].extend(ports)
    return [Admitted(tuple(sorted(ports)), False, peers) for peers, ports in found.values()]


def told_rules(rules: Iterable[Tree]) -> list[Tree]:
    """Rules that let TCP in, without those that are there for ambient."""
    told = (rule for rule in rules if rule.get("ports") != [HBONE] and not is_probe(rule) and is_of_tcp(rule))
    return [{**rule, "ports": []} if any(map(_is_every, as_dicts(rule.get("ports")))) else rule for rule in told]


def _is_every(port: Tree) -> bool:
    """Whether all ports of TCP are named at once: what names none means the same."""
    first, last = port.get("port"), port.get("endPort")
    whole = first is None or (isinstance(first, int) and first <= 1 and isinstance(last, int) and last >= _LAST_PORT)
    return whole and port.get("protocol", "TCP") == "TCP"


def everywhere(rules: Iterable[Tree]) -> tuple[Tree, ...] | None:
    """Whom rules that let TCP in name, for whatever ports: those for whom HBONE is let through."""
    return _together(told_rules(rules))


def _together(rules: Iterable[Tree]) -> tuple[Tree, ...] | None:
    found: dict[str, Tree] = {}
    for rule in rules:
        peers = as_dicts(rule.get("from"))
        if not peers:
            return None
        found |= {json.dumps(peer, sort_keys=True): peer for peer in peers}
    return tuple(found[key] for key in sorted(found))


def _numbers(ports: list[Tree], pods: tuple[Instances, ...]) -> frozenset[int] | None:
    """The TCP ports of a rule; None where they cannot be told, or for all of them."""
    found: set[int] = set()
    for port in ports:
        if port.get("protocol", "TCP") == "TCP":
            numbers = _written(port, pods)
            if numbers is None:
                return None
            found.update(numbers)
    return frozenset(found) if ports else None


def _written(port: Tree, pods: tuple[Instances, ...]) -> Iterable[int] | None:
    """The numbers of one port; none for a name that no pod has, which lets nobody in."""
    written = port.get("port")
    if isinstance(written, str):
        named = {each.container_ports.get(written) for each in pods}
        return {number for number in named if number is not None} if len(named) == 1 else None
    if not isinstance(written, int):
        return None
    last = port.get("endPort") or written
    return range(max(written, 1), min(last, _LAST_PORT) + 1) if isinstance(last, int) else None
