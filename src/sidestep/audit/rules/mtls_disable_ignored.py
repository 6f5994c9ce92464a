"""SID223: mode DISABLE, which ambient reads as PERMISSIVE."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.peer_policies import peer_policies
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.semantics.ambient_mtls import Surprise


def _check(facts: Facts) -> Iterator[Found]:
    for found in peer_policies(facts, Surprise.DISABLE_IGNORED):
        where = f"port {found.ports}" if found.ports else "spec.mtls.mode"
        yield Found(
            of_resource(found.resource),
            f"DISABLE ({where}) is read as PERMISSIVE in ambient: clients in the mesh encrypt all the same, and "
            "whoever looks at the traffic on the wire sees no plain text any more",
            "write PERMISSIVE, which means the same to both data planes",
            (Evidence(where, "DISABLE"), *found.concerned.evidence()),
        )


RULE = Rule("SID223", "mtls-disable-ignored", "DISABLE is read as PERMISSIVE in ambient", Severity.INFO, _check)
