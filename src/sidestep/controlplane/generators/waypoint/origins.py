"""From which objects the parts of a plan are made, in words for people."""

from collections.abc import Iterable, Iterator

from sidestep.controlplane.generators.http import modules
from sidestep.controlplane.generators.http.destinations import Destination
from sidestep.controlplane.generators.http.left_out import left_out
from sidestep.controlplane.generators.http.patches import remarks
from sidestep.controlplane.generators.http.remarks import Remark
from sidestep.controlplane.generators.waypoint.listeners import PATCHED, carried_out
from sidestep.controlplane.generators.waypoint.plan import Authorities, Part, Requests, Standing, Streams, Tokens
from sidestep.semantics.authorization.evaluate import PolicySet


def origins(part: Part) -> tuple[str, ...]:
    """Objects, with the field where one is known."""
    return tuple(dict.fromkeys(_of(part)))


def untold(part: Part) -> tuple[Remark, ...]:
    """Rules and patches that a waypoint cannot be told."""
    if isinstance(part, Standing):
        other = (each for each in part.patches if each.apply_to != PATCHED)
        lost = (Remark(each.object, each.place, f"at a waypoint the lab patches {PATCHED} alone") for each in other)
        return (*lost, *remarks(carried_out(part.patches)), *_of_code(part))
    if not isinstance(part, Requests):
        return ()
    return tuple(remark for each in part.entries for remark in left_out(each))


def _of(part: Part) -> Iterator[str]:
    match part:
        case Requests():
            yield from (f"{entry.rule.object}: {entry.rule.place}" for entry in part.entries)
            yield from _policies(part.enforced.policies)
            yield from (str(each.id) for each in part.enforced.tokens)
        case Authorities():
            yield from _policies(part.layered)
        case Streams():
            for row in part.rows:
                yield from _policies(row.policies)
        case Standing():
            yield from (f"{each.object}: {each.place}" for each in carried_out(part.patches))
            yield from (str(each.object) for each in part.modules)
            yield from (f"mesh configuration: extensionProviders {each.name!r}" for each in part.authorizers)
        case Tokens():
            for host in part.hosts:
                yield from (f"{policy.id}: {rule.field}" for policy in host for rule in policy.rules)
        case Destination():
            if part.of is not None:
                yield f"{part.of}: trafficPolicy"
        case _:
            return


def _of_code(standing: Standing) -> Iterator[Remark]:
    """Code that does not run; what is for some requests does not, as all of a waypoint share one list of filters."""
    yield from modules.remarks(standing.modules)
    for each in standing.modules:
        if any(match.ports for match in each.matches):
            yield Remark(each.object, "match.ports", "at a waypoint the lab runs code at all ports or at none")
    for found in standing.idle:
        yield Remark(found, "targetRefs", "the lab runs code of a whole waypoint, and not of one Service")


def _policies(found: PolicySet) -> Iterable[str]:
    every = (*found.custom, *found.deny, *found.allow, *found.audit, *found.shadow)
    return (str(each.policy.id) for each in every)
