"""Who probably calls whom, from configuration alone: for meshes of which nothing was measured.

Configuration tells intentions. Names that a program has built in are not to be seen here, and what may be called is not
always called; so every edge is marked as inferred, with the object and the field that say so. No value of a variable
is ever repeated: it may hold a password.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from sidestep.model.call_graph import Callee, Caller, CallerRole, CallGraph, Edge, call_graph
from sidestep.model.gaps import Gap, GapReason, Remark
from sidestep.model.mesh import Mesh, SourceKind
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.addressees import Addressees
from sidestep.plan.declared_texts import Declared, declared_texts, references
from sidestep.plan.inferred_policies import edges_of_policies
from sidestep.plan.inferred_routes import MeshRoutes, edges_of_routes
from sidestep.plan.named_hosts import NamedHost, is_address, named_hosts

_WHERE = "inferred calls"
_SHOWN = 3


def inferred_calls(mesh: Mesh) -> CallGraph:
    """Everything that configuration says of who calls whom.

    Read are environment variables, commands and arguments of pod templates, routes of gateways, routes inside the mesh
    that lead a named host elsewhere, hosts of ServiceEntries, and the sources that AuthorizationPolicies allow.
    """
    book = Addressees(mesh)
    routes = MeshRoutes(mesh, book)
    reader, policies = _Texts(book, routes), edges_of_policies(mesh, book)
    edges = [*reader.edges(), *edges_of_routes(mesh, book), *policies.edges]
    edges += _by_nobody(edges, chain(_entries(book), _routed(routes)))
    return call_graph(edges, _gaps(mesh), (*reader.remarks(), *policies.remarks))


class _Texts:
    """Reads what pod templates name, and remembers names that nobody has."""

    def __init__(self, book: Addressees, routes: MeshRoutes) -> None:
        self._book = book
        self._routes = routes
        self._nobody: set[str] = set()
        self._references = 0

    def edges(self) -> Iterator[Edge]:
        for ref, shape in self._book.workloads:
            self._references += references(shape.spec)
            for declared in declared_texts(shape.spec):
                for named in sorted(named_hosts(declared.text, declared.called)):
                    yield from self._calls(ref, declared, named)

    def remarks(self) -> Iterator[Remark]:
        if self._nobody:
            names = sorted(self._nobody)
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            yield Remark(_WHERE, f"named, but no Service that was read: {', '.join(names[:_SHOWN])}{more}")
        if self._references:
            told = f"{self._references} environment variables refer to other objects, which are not read"
            yield Remark(_WHERE, told)

    def _calls(self, ref: WorkloadRef, declared: Declared, named: NamedHost) -> Iterator[Edge]:
        addressee = self._book.named(named, ref.namespace)
        if addressee is None:
            if is_address(declared.called) and "." not in named.host:
                self._nobody.add(f"{named.host} ({ref}, {declared.field})")
            return
        proof = f"{ref}: {declared.field}"
        yield from _edges(ref, addressee.callees, addressee.protocol, proof)
        for route in self._routes.beyond(addressee.callees):
            yield from _edges(ref, route.addressee.callees, route.addressee.protocol, f"{proof}, by {route.proof}")


def _edges(ref: WorkloadRef, callees: Iterable[Callee], protocol: str, proof: str) -> Iterator[Edge]:
    """Who names itself tells others where it is."""
    caller = Caller(CallerRole.WORKLOAD, ref.namespace, ref.kind, ref.name)
    for callee in callees:
        if callee.workload != ref:
            yield Edge(caller, callee, protocol=protocol, proofs=(proof,))


def _by_nobody(known: Iterable[Edge], declared: Iterable[Edge]) -> list[Edge]:
    """Of what somebody declared to be called, that of which nothing else tells who calls it."""
    called = {edge.target for edge in known}
    hosts = {target.host for target in called}

    def is_called(target: Callee) -> bool:
        pattern = target.host.startswith("*.") and any(host.endswith(target.host[1:]) for host in hosts)
        return target in called or pattern

    return [edge for edge in declared if not is_called(edge.target)]


def _entries(book: Addressees) -> Iterator[Edge]:
    for host, entry in book.entries.items():
        callee = Callee(service_namespace=entry.meta.namespace, host=host)
        yield Edge(Caller(), callee, proofs=(f"{entry.id}: spec.hosts",))


def _routed(routes: MeshRoutes) -> Iterator[Edge]:
    for route in routes.declared():
        for callee in route.addressee.callees:
            yield Edge(Caller(), callee, protocol=route.addressee.protocol, proofs=(route.proof,))


def _gaps(mesh: Mesh) -> Iterator[Gap]:
    if mesh.source.kind is SourceKind.SNAPSHOT:
        told = "a snapshot leaves out environment variables and arguments, which name most services"
        yield Gap(_WHERE, GapReason.ABSENT, told, "plan against the cluster, or give --prometheus, or an access log")
