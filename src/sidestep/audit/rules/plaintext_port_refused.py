"""SID222: a port set to DISABLE under a STRICT parent: ambient sees no exception in it, and plaintext is refused."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.peer_policies import peer_policies
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.semantics.ambient_mtls import Surprise


def _check(facts: Facts) -> Iterator[Found]:
    for found in peer_policies(facts, Surprise.PORT_REFUSES):
        yield Found(
            of_resource(found.resource),
            f"port {found.ports} is set to DISABLE and the workload's own mode is unset: ambient keeps it STRICT, and "
            f"plaintext to it {'is' if found.concerned.ambient else 'will be'} refused",
            f"set port {found.ports} to PERMISSIVE, which sidecars read as an exception too",
            (
                Evidence("spec.portLevelMtls", f"{found.ports}: DISABLE"),
                *found.parents,
                *found.concerned.evidence(),
            ),
            found.concerned.severity(Severity.ERROR, Severity.WARNING),
        )


RULE = Rule("SID222", "plaintext-port-refused", "Port exception that ambient does not see", Severity.ERROR, _check)
