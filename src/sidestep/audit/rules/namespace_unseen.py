"""SID232: a namespace with pods of the mesh, or with Istio's objects, that discoverySelectors leave out."""

from collections.abc import Iterator
from typing import Any

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence, Severity
from sidestep.audit.members import counted, members
from sidestep.audit.rule import Found, Rule, of_resource
from sidestep.model.kinds import AUTHORIZATION_POLICY, NAMESPACE, PEER_AUTHENTICATION, REQUEST_AUTHENTICATION, Kind
from sidestep.model.resource import Resource
from sidestep.semantics.discovery import unseen

_GUARDS: tuple[Kind[Any], ...] = (AUTHORIZATION_POLICY, PEER_AUTHENTICATION, REQUEST_AUTHENTICATION)


def _check(facts: Facts) -> Iterator[Found]:
    left_out = unseen(facts.mesh)
    for space in facts.mesh.of(NAMESPACE):
        if space.meta.name not in left_out:
            continue
        concerned = members(facts, facts.by_namespace.get(space.meta.name, ()))
        guards = [each for kind in _GUARDS for each in facts.mesh.in_namespace(kind, space.meta.name)]
        if concerned or guards:
            told = " and ".join(_told(counted(concerned.all) if concerned else "", guards))
            yield Found(
                of_resource(space),
                f"no discoverySelectors choose it: istiod knows nothing of its {told}, and ztunnel would know none of "
                "its pods: in ambient they reach nobody, and find no name",
                "label it as discoverySelectors ask, or add a selector for it; look first at what its policies do then",
                (Evidence("metadata.labels", str(dict(space.meta.labels))), *concerned.evidence()),
                Severity.ERROR if concerned else Severity.WARNING,
            )


def _told(workloads: str, guards: list[Resource[Any]]) -> Iterator[str]:
    if workloads:
        yield workloads
    if guards:
        yield f"{guards[0].id.kind} {guards[0].meta.name}" + (f" and {len(guards) - 1} more" if len(guards) > 1 else "")


RULE = Rule("SID232", "namespace-unseen", "Namespace that istiod does not look at", Severity.ERROR, _check)
