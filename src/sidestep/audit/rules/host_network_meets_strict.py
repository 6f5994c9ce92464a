"""SID205: pods on the host's network are in no mesh; whatever they call under STRICT refuses them."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts, Workload
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import in_scope, members, names
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import PEER_AUTHENTICATION
from sidestep.semantics.authentication.peers import Mtls, parse_peer_policy
from sidestep.semantics.enrolment import EXCLUDED_NAMESPACES
from sidestep.semantics.mesh_config import root_namespaces
from sidestep.semantics.proxies import Role


def _check(facts: Facts) -> Iterator[Found]:
    roots = root_namespaces(facts.mesh)
    for policy in facts.mesh.of(PEER_AUTHENTICATION):
        parsed = parse_peer_policy(policy)
        if parsed.mode is not Mtls.STRICT or parsed.selector:
            continue
        scope = tuple(in_scope(facts, policy.meta.namespace, roots))
        outside = [workload for workload in scope if _is_outside(workload, roots)]
        if outside and members(facts, scope):
            yield Found(
                of_resource(policy),
                f"{len(outside)} workloads on the host's network are in no mesh and send plain text, which STRICT "
                "refuses; whom they call cannot be seen",
                "ask their owners; a port that they must reach needs PERMISSIVE in portLevelMtls of a "
                "PeerAuthentication with a selector",
                (Evidence("spec.mtls.mode", Mtls.STRICT.value), Evidence("template.spec.hostNetwork", names(outside))),
            )


def _is_outside(workload: Workload, roots: frozenset[str]) -> bool:
    """Whether an application stands on the host's network; what the cluster itself runs is not asked about."""
    shape = workload.next_shape
    if shape is None or workload.role is not Role.APPLICATION or shape.namespace in {*roots, *EXCLUDED_NAMESPACES}:
        return False
    return shape.spec.host_network


RULE = Rule("SID205", "host-network-meets-strict", "Host-network pods under STRICT mTLS", Severity.INFO, _check)
