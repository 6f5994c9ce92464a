"""Bytes that stand for all: who speaks first, and which server name TLS asks for."""

from collections.abc import Iterator

from sidestep.prove.asked import of_matcher
from sidestep.prove.guards import Guards
from sidestep.prove.languages import Ending, Exactly, Language, representatives
from sidestep.prove.residual import each_term
from sidestep.prove.texts import Texts
from sidestep.prove.ways import Way
from sidestep.semantics.authorization.policy import Attribute, Term
from sidestep.semantics.requests import Tcp
from sidestep.semantics.routing.hosts import is_wildcard


def streams(both: tuple[Guards, ...], way: Way) -> Iterator[Tcp]:
    """All payloads that either mesh can tell apart on a way.

    Raises:
        Undecidable: a server name is looked at in a way that no finite choice stands for.
    """
    yield Tcp()
    yield Tcp(server_first=True)
    names: set[Language] = set()
    for guards in both:
        names |= _names(guards, way)
    for name in representatives(frozenset(names), Texts.HOST) if names else ():
        yield Tcp(sni=name)


def _names(guards: Guards, way: Way) -> set[Language]:
    found: set[Language] = set()
    for bound in guards.bounds(way.service):
        for entry in bound.tls:
            for name in entry.server_names:
                found.add(Ending(name[1:]) if is_wildcard(name) else Exactly(name))

    def see(term: Term) -> None:
        if term.attribute is Attribute.SNI:
            for side in (term.one_of, term.none_of):
                for each in side.matchers:
                    found.update(of_matcher(each))

    dialled = guards.index.by_address.get(way.to)
    at_pods = guards.of_pods(dialled) if dialled is not None else ()
    for policies in (*guards.policies(way.service), *at_pods):
        if Attribute.SNI in policies.attributes:
            each_term(policies, see)
    return found
