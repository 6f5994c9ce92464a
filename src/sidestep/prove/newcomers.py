"""Somebody of a namespace without pods so far, where NetworkPolicies hold what pods of all others send.

A namespace that comes later has no NetworkPolicy, so that its pods in ambient get at hosts that a sidecar would have
refused them (REGISTRY_ONLY, D46). Nothing in a mesh can say otherwise. What can be told is whether pods of every
namespace are held: then it is taken for granted that the next one is given the same, and the proof says so.
"""

from functools import cached_property
from itertools import repeat

from msgspec import Struct
from msgspec.structs import replace

from sidestep.model.kinds import NETWORK_POLICY
from sidestep.prove.ways import Way
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Branch, CheckKind, Hop, Transport, Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.network_policies import restricts_egress
from sidestep.semantics.requests import Http, Request, SomebodyClient, Tcp
from sidestep.semantics.somebody import guise_of


class Newcomers(Struct, frozen=True, dict=True):
    """Whoever may come to two meshes into a namespace in which no pods are.

    Attributes:
        before: the first mesh; namespaces whose pods have a name there are those that must be held.
        after: the second, in which NetworkPolicies hold them.
    """

    before: MeshIndex
    after: MeshIndex

    def are_held(self, way: Way, payload: Http | Tcp, *, survey: bool) -> bool:
        """Whether who comes new on a way would be stopped, if NetworkPolicies of any namespace were before his pods.

        Args:
            way: on which the second mesh lets more through.
            payload: of a class of requests that are all routed alike.
            survey: whether that is asked of all of the class.
        """
        who = way.other
        if not isinstance(who, SomebodyClient) or not self.matter or not self._is_new(who.namespace):
            return False
        near = self.before.services.by_host.get(way.service)
        spaces = [each for each in self._spaces if near is None or each != near.namespace]
        own = self._branches(who, way, payload, survey=survey) if spaces else ()
        there = (self._branches(replace(who, namespace=space), way, payload, survey=survey) for space in spaces)
        return bool(spaces) and all(map(_would_stop, there, repeat(own), spaces))

    def _branches(self, who: SomebodyClient, way: Way, payload: Http | Tcp, *, survey: bool) -> tuple[Branch, ...]:
        return decide(self.after, Request(who, way.to, way.port, payload, survey=survey)).branches

    @cached_property
    def matter(self) -> bool:
        """Whether any NetworkPolicy of the second mesh is about what pods send."""
        return any(restricts_egress(each.view) for each in self.after.mesh.of(NETWORK_POLICY))

    def _is_new(self, namespace: str) -> bool:
        """Whether nobody has seen a pod in a namespace, in either mesh."""
        return not any(each.by_namespace.get(namespace) for each in (self.before, self.after))

    @cached_property
    def _spaces(self) -> tuple[str, ...]:
        """Namespaces in which somebody may come as the pods that are there did."""
        found = self.before.by_namespace.items()
        return tuple(space for space, pods in found if any(guise_of(each) is not None for each in pods))


def _would_stop(there: tuple[Branch, ...], own: tuple[Branch, ...], space: str) -> bool:
    """Whether what stops somebody of a namespace, whichever way his request takes, stands before all of another's.

    NetworkPolicies judge who sends and where a leg leads, so that the same leg is stopped whatever led there.
    """
    return all(_is_stopped(each, space) for each in there) and all(
        any(_meets(one, each) for each in there) for one in own
    )


def _meets(own: Branch, stopped: Branch) -> bool:
    """Whether a way leads where another one is stopped; to the pods of the same route, where it ends there."""
    end = _leg(stopped.path[-1])
    *passed, last = map(_leg, own.path)
    return end in passed or (end == last and own.route == stopped.route)


def _leg(hop: Hop) -> tuple[str, Transport, int]:
    return hop.at, hop.transport, hop.port


def _is_stopped(branch: Branch, space: str) -> bool:
    """Whether a NetworkPolicy of the sender's namespace decides."""
    by = branch.decider
    stopped = branch.verdict is Verdict.UNREACHABLE and by is not None and by.kind is CheckKind.NETWORK_POLICY
    return stopped and by is not None and by.object is not None and by.object.namespace == space
