"""The ways that a request can take into a mesh: who calls what, by which address, on which port.

Clients stand for all that are like them: same mode, and told apart by nothing that guards the destination. Whoever a
policy names by identity or namespace is among them, and so is somebody whom no policy names, and somebody without
identity.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from msgspec import Struct

from sidestep.semantics.authorization.evaluate import term_holds
from sidestep.semantics.authorization.policy import Attribute, Term
from sidestep.semantics.authorization.seen import Seen
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.protocols import Declared
from sidestep.semantics.requests import Client, OutsideClient, WorkloadClient
from sidestep.semantics.service_index import Port, Service

_IDENTITY = (Attribute.PRINCIPAL, Attribute.NAMESPACE, Attribute.SERVICE_ACCOUNT, Attribute.TRUST_DOMAIN)
_ENOUGH = 4
_CALLING = (Mode.SIDECAR, Mode.AMBIENT, Mode.GATEWAY, Mode.NONE)


class Way(Struct, frozen=True):
    """One way.

    Attributes:
        client: who calls.
        words: the client, for people.
        to: name or address dialled.
        port: dialled.
        protocol: what the port declares.
        service: the destination; None for a pod that is dialled by its address.
    """

    client: Client
    words: str
    to: str
    port: int
    protocol: Declared
    service: str


class Ways(Struct, frozen=True, dict=True):
    """All ways of a mesh."""

    index: MeshIndex
    namespaces: tuple[str, ...] = ()

    def all(self) -> Iterator[Way]:
        """Every way, by destination."""
        for service in self.index.services.services:
            if service.resource.kind == "Service" and not service.external_name and self._asked(service.namespace):
                yield from self._to_service(service)

    def _asked(self, namespace: str) -> bool:
        return not self.namespaces or namespace in self.namespaces

    def _to_service(self, service: Service) -> Iterator[Way]:
        pods = self.index.behind(service)
        if not pods:
            return
        terms = tuple(_identity_terms(self.index, pods))
        for port in service.ports:
            for client, words in self._clients(terms):
                yield Way(client, words, service.host, port.number, port.protocol, service.host)
            yield from self._past_service(service, pods, port, terms)

    def _past_service(
        self, service: Service, pods: tuple[Instances, ...], port: Port, terms: tuple[Term, ...]
    ) -> Iterator[Way]:
        """The same pods by their own address, for those that no waypoint stops."""
        for each in pods:
            target = port.target if isinstance(port.target, int) else each.container_ports.get(port.target)
            if not each.addresses or target is None:
                continue
            yield Way(OutsideClient(), "outside", each.addresses[0], target, port.protocol, service.host)
            for client, words in self._clients(terms):
                if words.startswith(Mode.AMBIENT.value):
                    yield Way(client, words, each.addresses[0], target, port.protocol, service.host)

    def _clients(self, terms: tuple[Term, ...]) -> Iterator[tuple[Client, str]]:
        """One of each kind that the terms tell apart; terms are about identities alone."""
        yield OutsideClient(), "outside"
        kinds: dict[tuple[object, ...], Instances] = {}
        for each in self._candidates(terms):
            seen = Seen(identity=each.principal(self.index.settings.trust_domain))
            told = tuple(term_holds(term, seen) for term in terms)
            kinds.setdefault((each.mode, each.hbone, told), each)
        for each in kinds.values():
            yield WorkloadClient(each.workload, each.place), f"{each.mode.value} {each.workload}"

    def _candidates(self, terms: tuple[Term, ...]) -> Iterable[Instances]:
        """Everybody whom a term may name, and a few whom none does."""
        if not terms:
            return self._samples
        named = {text for term in terms for side in (term.one_of, term.none_of) for text in side.written}
        if any("*" in text for text in named):
            return self._everybody
        found = [*self._samples]
        for text in sorted(named):
            found += self._by_identity.get(text, ())[:_ENOUGH]
        return found

    @cached_property
    def _everybody(self) -> tuple[Instances, ...]:
        groups = self.index.workloads.values()
        return tuple(each for group in groups for each in group if each.mode in _CALLING)

    @cached_property
    def _samples(self) -> tuple[Instances, ...]:
        """Some of each mode, of different namespaces."""
        found: dict[tuple[object, ...], Instances] = {}
        counts: dict[tuple[object, ...], int] = {}
        for each in self._everybody:
            mode = (each.mode, each.hbone)
            if counts.get(mode, 0) < _ENOUGH and (*mode, each.namespace) not in found:
                found[(*mode, each.namespace)] = each
                counts[mode] = counts.get(mode, 0) + 1
        return tuple(found.values())

    @cached_property
    def _by_identity(self) -> Mapping[str, list[Instances]]:
        """By principal, by namespace, and by service account as policies write it."""
        found: dict[str, list[Instances]] = {}
        for each in self._everybody:
            names = (
                each.principal(self.index.settings.trust_domain),
                each.namespace,
                each.account,
                f"{each.namespace}/{each.account}",
            )
            for name in names:
                found.setdefault(name, []).append(each)
        return found


def _identity_terms(index: MeshIndex, pods: tuple[Instances, ...]) -> Iterator[Term]:
    """What tells identities apart before some pods."""
    seen: set[Term] = set()
    for each in pods:
        for policy in index.applied_policies(each):
            for rule in policy.rules:
                for clause in rule.clauses:
                    for part in clause.any_of:
                        for term in part.terms:
                            if term.attribute in _IDENTITY and term not in seen:
                                seen.add(term)
                                yield term
