"""The ports of a pod that anything speaks about, one for all that everything speaks about alike.

Ranges of NetworkPolicies count by their ends. Ten thousand numbers that policies list together count as one.
"""

from bisect import bisect
from collections.abc import Iterable, Iterator
from itertools import chain, pairwise

from sidestep.prove.guards import Guards
from sidestep.prove.residual import each_term
from sidestep.semantics.authorization.evaluate import PolicySet
from sidestep.semantics.authorization.policy import Attribute, Term
from sidestep.semantics.authorization.ztunnel import Match
from sidestep.semantics.authorization.ztunnel_set import ZtunnelSet
from sidestep.semantics.instances import Instances

_LAST = 65535
_SPARE = 9999
"""Asked where nothing speaks about it, and else one below."""


def numbers(sides: Iterable[tuple[Guards, tuple[Instances, ...]]], declared: Iterable[int]) -> frozenset[int]:
    """Ports to ask: those that are spoken about, and of each range one that nothing else speaks about.

    Args:
        sides: the pods in each mesh, with what stands before them.
        declared: ports that Services lead to.
    """
    alone, cuts = set(declared), {0, _LAST + 1}
    listed: dict[int, list[int]] = {}
    lists = 0
    for guards, group in sides:
        for pods in group:
            alone |= _of_themselves(guards, pods)
            cuts |= guards.network_ports(pods)
            for each in _lists(guards, pods):
                for number in each:
                    listed.setdefault(number, []).append(lists)
                lists += 1
    ends = sorted(cuts)
    alike: dict[tuple[int, tuple[int, ...]], int] = {}
    for number in sorted(listed.keys() - alone):
        alike.setdefault((bisect(ends, number), tuple(listed[number])), number)
    spare = _silent(ends, alone | listed.keys())
    return frozenset((alone | {*alike.values(), *spare}) - {0})


def _silent(ends: list[int], spoken: set[int]) -> Iterator[int]:
    """Of each range a port that nothing speaks about; some number that is easily recognised where it may be any."""
    for first, after in pairwise(ends):
        usual = (number for number in range(_SPARE, _SPARE - 100, -1) if first <= number < after)
        found = next((number for number in chain(usual, range(max(first, 1), after)) if number not in spoken), None)
        if found is not None:
            yield found


def _of_themselves(guards: Guards, pods: Instances) -> set[int]:
    """Ports that PeerAuthentications, annotations or containers of pods name, each for something of its own."""
    own = guards.index.peer_levels(pods).workload
    return {*(own.ports if own is not None else ()), *pods.container_ports.values()}


def _lists(guards: Guards, pods: Instances) -> Iterator[Iterable[int]]:
    """Every list of ports in a policy for pods."""
    for policies in guards.of_pods(pods):
        yield from _of_policies(policies)
    for of in guards.at_ztunnel((pods,)):
        for match in matches(of):
            yield match.positive.ports
            yield match.negative.ports


def matches(policies: ZtunnelSet) -> Iterator[Match]:
    """Everything that ztunnel compares."""
    for each in (*policies.deny, *policies.allow):
        for group in each.groups:
            for clause in group.clauses:
                yield from clause


def _of_policies(policies: PolicySet) -> list[list[int]]:
    found: list[list[int]] = []

    def see(term: Term) -> None:
        if term.attribute is Attribute.PORT:
            found.extend([int(text) for text in side.exact if text.isdigit()] for side in (term.one_of, term.none_of))

    if Attribute.PORT in policies.attributes:
        each_term(policies, see)
    return found
