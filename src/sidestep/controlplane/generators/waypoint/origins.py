"""From which objects the parts of a plan are made, in words for people."""

from collections.abc import Iterable, Iterator

from sidestep.controlplane.generators.http.destinations import Destination
from sidestep.controlplane.generators.http.matches import readable
from sidestep.controlplane.generators.http.remarks import Remark
from sidestep.controlplane.generators.waypoint.plan import Part, Requests, Streams, Tokens
from sidestep.semantics.authorization.evaluate import PolicySet

_TAKEN = "expected expressions and names of headers that Envoy takes"


def origins(part: Part) -> tuple[str, ...]:
    """Objects, with the field where one is known."""
    return tuple(dict.fromkeys(_of(part)))


def left_out(part: Part) -> tuple[Remark, ...]:
    """Rules that a waypoint cannot be told."""
    if not isinstance(part, Requests):
        return ()
    broken = (Remark(each.rule.object, each.rule.place, each.rule.broken) for each in part.entries if each.rule.broken)
    refused = (
        Remark(
            each.rule.object,
            f"{each.rule.place} {each.match.place}",
            _TAKEN,
        )
        for each in part.entries
        if not each.rule.broken and not readable(each.match)
    )
    return (*broken, *refused)


def _of(part: Part) -> Iterator[str]:
    match part:
        case Requests():
            yield from (f"{entry.rule.object}: {entry.rule.place}" for entry in part.entries)
            yield from _policies(part.enforced.policies)
            yield from (str(each.id) for each in part.enforced.tokens)
        case Streams():
            for row in part.rows:
                yield from _policies(row.policies)
        case Tokens():
            for host in part.hosts:
                yield from (f"{policy.id}: {rule.field}" for policy in host for rule in policy.rules)
        case Destination():
            if part.of is not None:
                yield f"{part.of}: trafficPolicy"
        case _:
            return


def _policies(found: PolicySet) -> Iterable[str]:
    every = (*found.custom, *found.deny, *found.allow, *found.audit, *found.shadow)
    return (str(each.policy.id) for each in every)
