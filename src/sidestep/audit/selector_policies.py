"""AuthorizationPolicies without `targetRefs`, with what ztunnel makes of them and whom that concerns."""

from collections.abc import Callable, Iterator

from msgspec import Struct

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence
from sidestep.audit.members import Members, members, selected_by
from sidestep.model.kinds import AUTHORIZATION_POLICY
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.mesh_config import root_namespaces
from sidestep.semantics.ztunnel_policy import ACCEPTED_BY_ZTUNNEL, AtZtunnel, RuleFate, at_ztunnel, reported


class SelectorPolicy(Struct, frozen=True):
    """One policy: what ztunnel makes of it, and the workloads of the mesh that it selects."""

    policy: Resource[Spec]
    left: AtZtunnel
    concerned: Members

    def evidence(self, *own: Evidence) -> tuple[Evidence, ...]:
        """What a rule saw, what istiod says of it, and whom it concerns."""
        told = reported(self.policy.view.status)
        said = (Evidence(f"status.conditions[{ACCEPTED_BY_ZTUNNEL}].message", told),) if told else ()
        return (*own, *said, *self.concerned.evidence())


def selector_policies(facts: Facts, wanted: Callable[[AtZtunnel], object]) -> Iterator[SelectorPolicy]:
    """The policies of which `wanted` holds and that select anything in the mesh."""
    roots = root_namespaces(facts.mesh)
    for policy in facts.mesh.of(AUTHORIZATION_POLICY):
        left = at_ztunnel(policy)
        if left is not None and wanted(left):
            concerned = members(facts, selected_by(facts, policy, roots))
            if concerned:
                yield SelectorPolicy(policy, left, concerned)


def lost_fields(rules: tuple[RuleFate, ...]) -> str:
    """What ztunnel cannot look at, over several rules."""
    return ", ".join(sorted({field for rule in rules for field in rule.lost}))


def by_rule(rules: tuple[RuleFate, ...]) -> tuple[Evidence, ...]:
    """Each rule's fate and what it loses."""
    return tuple(Evidence(f"spec.rules[{rule.index}]", f"{rule.fate.value} ({', '.join(rule.lost)})") for rule in rules)
