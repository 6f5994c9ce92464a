"""SID203: REGISTRY_ONLY keeps sidecars from unknown hosts; ztunnel lets everything out."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import members
from sidestep.audit.registry_only import MODE, kept_in
from sidestep.audit.rule import Found, Rule, of_resource


def _check(facts: Facts) -> Iterator[Found]:
    for each in kept_in(facts):
        concerned = members(facts, each.workloads)
        if concerned:
            when = (
                "ambient pods reach every host now" if concerned.ambient else "after a migration they reach every host"
            )
            yield Found(
                of_resource(each.by),
                f"{MODE} keeps sidecars from hosts that the mesh does not know; ztunnel has no such mode, and {when}",
                "forbid direct egress by NetworkPolicy, and let declared hosts pass an egress waypoint with "
                "AuthorizationPolicies on their ServiceEntries",
                (Evidence(each.field, MODE), *concerned.evidence()),
                concerned.severity(Severity.ERROR, Severity.WARNING),
            )


RULE = Rule("SID203", "egress-control-lost", "REGISTRY_ONLY is lost at ztunnel", Severity.ERROR, _check)
