"""SID221: a PeerAuthentication that ambient turns into less than it says: plaintext gets in where STRICT is written."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.peer_policies import peer_policies
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.semantics.ambient_mtls import Surprise


def _check(facts: Facts) -> Iterator[Found]:
    for found in peer_policies(facts, Surprise.STRICT_PORT_OPEN, Surprise.WORKLOAD_OPEN):
        whole = found.departure.surprise is Surprise.WORKLOAD_OPEN
        what = "the whole workload takes" if whole else f"port {found.ports} takes"
        yield Found(
            of_resource(found.resource),
            f"in ambient {what} plaintext{' now' if found.concerned.ambient else ''}, though STRICT is meant: istiod "
            "drops the derived policy because a mesh-wide STRICT seems to cover it",
            "give the namespace a PeerAuthentication of its own with mode STRICT"
            if whole
            else "set the workload's own mode to STRICT and list the other ports as PERMISSIVE",
            (
                Evidence("spec.portLevelMtls", found.ports),
                *found.parents,
                *found.concerned.evidence(),
            ),
            found.concerned.severity(Severity.BLOCKER, Severity.WARNING),
        )


RULE = Rule("SID221", "strict-port-left-open", "STRICT that ambient leaves open", Severity.BLOCKER, _check)
