"""SID206: a policy selects pods on the host's network: no proxy stands before them, and nothing enforces it."""

from collections.abc import Iterator

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import names, selected_by, selector_labels
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import AUTHORIZATION_POLICY
from sidestep.semantics.mesh_config import root_namespaces
from sidestep.semantics.proxies import Role


def _check(facts: Facts) -> Iterator[Found]:
    roots = root_namespaces(facts.mesh)
    for policy in facts.mesh.of(AUTHORIZATION_POLICY):
        if not selector_labels(policy.view.spec):
            continue
        exposed = [
            workload
            for workload in selected_by(facts, policy, roots)
            if workload.role is Role.APPLICATION and workload.next_shape and workload.next_shape.spec.host_network
        ]
        if exposed:
            yield Found(
                of_resource(policy),
                f"selects pods on the host's network ({names(exposed)}): neither a sidecar nor ztunnel stands before "
                "them, and nobody enforces it",
                "take them off the host's network, or guard them by a host firewall or a NetworkPolicy of the nodes",
                (Evidence("template.spec.hostNetwork", names(exposed)),),
            )


RULE = Rule(
    "SID206", "host-network-guarded-in-vain", "Policy on host-network pods guards nothing", Severity.ERROR, _check
)
