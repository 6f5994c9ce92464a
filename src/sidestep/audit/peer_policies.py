"""PeerAuthentications that mean something else in ambient, with whom that concerns."""

from collections.abc import Iterator

from msgspec import Struct

from sidestep.audit.facts import Facts
from sidestep.audit.finding import Evidence
from sidestep.audit.members import Members, members, selected_by
from sidestep.model.kinds import PEER_AUTHENTICATION
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.ambient_mtls import Departure, Surprise, departures
from sidestep.semantics.authentication.peers import PeerPolicy, parse_peer_policy
from sidestep.semantics.mesh_config import root_namespaces


class Peers(Struct, frozen=True):
    """One policy, how ambient departs from it, and for whom."""

    resource: Resource[Spec]
    departure: Departure
    concerned: Members

    @property
    def ports(self) -> str:
        """The ports, as one reads them out."""
        return ", ".join(map(str, self.departure.ports))

    @property
    def parents(self) -> tuple[Evidence, ...]:
        """What stands above the policy."""
        found = self.departure.levels
        return (Evidence("mesh-wide mode", _mode(found.mesh)), Evidence("namespace mode", _mode(found.namespace)))


def peer_policies(facts: Facts, *wanted: Surprise) -> Iterator[Peers]:
    """The policies with one of these surprises; a selector in the root namespace selects nothing."""
    roots = root_namespaces(facts.mesh)
    parsed = {resource.id: parse_peer_policy(resource) for resource in facts.mesh.of(PEER_AUTHENTICATION)}
    for resource in facts.mesh.of(PEER_AUTHENTICATION):
        policy = parsed[resource.id]
        if policy.selector and resource.meta.namespace in roots:
            continue
        for departure in departures(tuple(parsed.values()), policy, min(roots)):
            concerned = members(facts, selected_by(facts, resource, frozenset() if policy.selector else roots))
            if departure.surprise in wanted and concerned:
                yield Peers(resource, departure, concerned)


def _mode(policy: PeerPolicy | None) -> str:
    return policy.mode.value if policy else "none"
