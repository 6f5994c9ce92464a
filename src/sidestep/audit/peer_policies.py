"""PeerAuthentications that mean something else in ambient, with whom that concerns."""

from collections.abc import Iterator

from msgspec import Struct

from sidestep.audit.facts import Facts
from sidestep.audit.members import Members, members, selected_by
from sidestep.model.kinds import PEER_AUTHENTICATION
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.ambient_mtls import Parents, Surprise, parents_of, selector_labels, surprises
from sidestep.semantics.mesh_config import root_namespaces


class PeerPolicy(Struct, frozen=True):
    """One policy: how ambient departs from it, on which ports, under which parents, and for whom."""

    policy: Resource[Spec]
    surprise: Surprise
    ports: tuple[str, ...]
    parents: Parents
    concerned: Members


def peer_policies(facts: Facts, *wanted: Surprise) -> Iterator[PeerPolicy]:
    """The policies with one of these surprises; a selector in the root namespace selects nothing."""
    roots = root_namespaces(facts.mesh)
    for policy in facts.mesh.of(PEER_AUTHENTICATION):
        chosen = bool(selector_labels(policy.view.spec))
        if chosen and policy.meta.namespace in roots:
            continue
        parents = parents_of(facts.mesh, policy.meta.namespace)
        for surprise, ports in surprises(policy, parents).items():
            concerned = members(facts, selected_by(facts, policy, frozenset() if chosen else roots))
            if surprise in wanted and concerned:
                yield PeerPolicy(policy, surprise, ports, parents, concerned)
