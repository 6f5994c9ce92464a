"""What nobody can look into: filters and modules at the proxies of a way, which must be the same in both meshes.

What they do is not known. Where the same ones stand in both meshes it is taken to be the same; where not, what passes
there is undecided.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property

from msgspec import Struct

from sidestep.prove.guards import Guards
from sidestep.prove.ways import Way
from sidestep.semantics.authorization.attachment import (
    GatewayTarget,
    for_gateway,
    for_waypoint,
    for_workload,
    service_target,
)
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Decision, Proxy, Verdict
from sidestep.semantics.extensions import Extension, Role, extensions
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.protocols import Declared
from sidestep.semantics.proxies import GATEWAY_NAME
from sidestep.semantics.requests import Http, Request, Tcp


class Opaque(Struct, frozen=True, dict=True):
    """Both meshes, asked what nobody can look into."""

    before: Guards
    after: Guards

    def on(self, way: Way) -> str:
        """Why a way cannot be decided, by what stands before its destination; empty where both meshes have the same.

        A way on which the second mesh refuses everything needs no look: it opens nothing, and what it closes is found.
        """
        if not any(self._sides):
            return ""
        then = _asked(self.after, way, 1)
        if all(branch.verdict in _REFUSED for branch in then.branches):
            return ""
        one = _at_server(self.before, self._sides[0], way, 0, _asked(self.before, way, 0))
        return _apart(one, _at_server(self.after, self._sides[1], way, 1, then))

    def at_clients(self) -> Iterator[tuple[str, str]]:
        """Workloads whose requests meet something at their own proxy in one mesh alone, and why."""
        refs = (
            (ref for guards in (self.before, self.after) for ref in guards.index.workloads) if any(self._sides) else ()
        )
        for ref in dict.fromkeys(refs):
            one, other = (
                list(_at_pods(guards, known, guards.index.workloads.get(ref, ()), Role.CLIENT))
                for guards, known in zip((self.before, self.after), self._sides, strict=True)
            )
            reason = _apart(one, other)
            if reason:
                yield str(ref), reason

    @cached_property
    def _sides(self) -> tuple[tuple[Extension, ...], tuple[Extension, ...]]:
        return tuple(extensions(self.before.index.mesh)), tuple(extensions(self.after.index.mesh))


def _apart(one: Iterable[Extension], other: Iterable[Extension]) -> str:
    """What only one side has, as a reason."""
    left, right = ({each.content: str(each.id) for each in side} for side in (one, other))
    alone = {name for key, name in (*left.items(), *right.items()) if (key in left) is not (key in right)}
    return f"{', '.join(sorted(alone))}: what it does is not modelled, and only one mesh has it here" if alone else ""


def _asked(guards: Guards, way: Way, side: int) -> Decision:
    port = way.instead[1] if side == 0 and way.instead is not None else way.port
    payload = Tcp() if way.protocol is Declared.TCP else Http()
    client = way.other if side else way.client
    return decide(guards.index, Request(client, _name(side, way), port, payload, survey=True))


def _at_server(
    guards: Guards, known: tuple[Extension, ...], way: Way, side: int, decision: Decision
) -> Iterator[Extension]:
    if known:
        yield from _at_pods(guards, known, _dialled(guards, side, way), Role.SERVER)
        yield from _at_waypoints(guards, known, way, decision)


def _name(side: int, way: Way) -> str:
    """What is dialled: in the first mesh that is another name where this one is new."""
    return way.instead[0] if side == 0 and way.instead is not None else way.to


def _dialled(guards: Guards, side: int, way: Way) -> tuple[Instances, ...]:
    name = _name(side, way)
    own = guards.index.by_address.get(name)
    return (own,) if own is not None else guards.behind(name if way.instead is not None else way.service)


def _at_pods(guards: Guards, known: Iterable[Extension], pods: Iterable[Instances], role: Role) -> Iterator[Extension]:
    """Those of sidecars in a role, and those of gateways, which have but one."""
    root = guards.index.settings.root_namespace
    for each in pods:
        if each.mode is Mode.SIDECAR:
            found = for_workload(known, root, each.namespace, each.labels)
            yield from (extension for extension in found if role in extension.roles)
        elif each.mode is Mode.GATEWAY:
            named = GatewayTarget(each.namespace, each.labels.get(GATEWAY_NAME, ""), "")
            found = for_gateway(known, root, named, each.labels)
            yield from (extension for extension in found if extension.targets or Role.GATEWAY in extension.roles)


def _at_waypoints(guards: Guards, known: tuple[Extension, ...], way: Way, decision: Decision) -> Iterator[Extension]:
    """Those of waypoints that a request passes."""
    attached = [each for each in known if each.targets or each.unplaced]
    index = guards.index
    met = {hop.at for branch in decision.branches for hop in branch.path if hop.proxy is Proxy.WAYPOINT}
    services = [index.services.by_host.get(host) for host in (way.service, *guards.targets(way.service))]
    for name in sorted(met) if attached else ():
        gateway = GatewayTarget(*name.split("/", 1))
        for each in (one for one in services if one is not None):
            target = service_target(each.resource.id)
            yield from for_waypoint(attached, index.settings.root_namespace, gateway, target)


_REFUSED = (Verdict.DENY, Verdict.UNREACHABLE)
