"""Sightings of all layers joined into one graph.

A waypoint cuts what nodes' proxies see into two: connections to it, and connections from it. Both halves are put
together by what the waypoint tells of requests, and where it reads none by the service that was dialled.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from sidestep.lab.graph.result import Edge, Mesh, Node, Report, Security, ServiceGraph
from sidestep.lab.graph.sightings import NOBODY, App, Layer, Sighting


class Known(Struct, frozen=True):
    """What is known without looking at packets.

    Attributes:
        meshes: how each application's pods are in the mesh.
        served: by which applications each host name is served.
        aliases: other names of applications: a pod without labels calls itself by its own name.
    """

    meshes: Mapping[App, frozenset[Mesh]] = {}
    served: Mapping[str, frozenset[App]] = {}
    aliases: Mapping[App, App] = {}

    def is_waypoint(self, app: App) -> bool:
        """Whether it judges for others."""
        return Mesh.WAYPOINT in self.meshes.get(app, ())

    def serving(self, host: str) -> App | None:
        """Who answers for a host name, where that is one."""
        found = self.served.get(host, frozenset())
        return next(iter(found)) if len(found) == 1 else None


Pair = tuple[App, App]


def joined(sightings: Iterable[Sighting], known: Known, seconds: float = 0.0) -> ServiceGraph:
    """The graph.

    Args:
        sightings: of all layers.
        known: who is who.
        seconds: over how long they were gathered.
    """
    found = [_named(each, known) for each in sightings if each.count or each.failed]
    halves = _Halves(found, known)
    reports: dict[Pair, list[Report]] = defaultdict(list)
    through: dict[Pair, set[str]] = defaultdict(set)
    for pair, report in chain(_whole(found, known), halves.reports()):
        reports[pair].append(report)
        through[pair] |= {report.towards, report.behind} - {""}
    for each in found:
        if each.by is not None:
            through[each.client, each.server].add(str(each.by))
    edges = tuple(_edge(pair, reports[pair], through[pair]) for pair in sorted(reports))
    return ServiceGraph(_nodes(reports, known), edges, tuple(sorted(halves.holes)), seconds)


def _named(sighting: Sighting, known: Known) -> Sighting:
    """By the names that telemetry gives; who serves what was dialled, where the observer saw nobody behind it."""
    client, server = (known.aliases.get(each, each) for each in (sighting.client, sighting.server))
    if server == NOBODY and sighting.host:
        server = known.serving(sighting.host) or App("", sighting.host)
    return replace(sighting, client=client, server=server)


def _whole(found: Iterable[Sighting], known: Known) -> Iterator[tuple[Pair, Report]]:
    """What was seen from one end to the other."""
    for each in found:
        if not known.is_waypoint(each.client) and not known.is_waypoint(each.server):
            yield (each.client, each.server), _report(each)


class _Halves:
    """Ways to waypoints and on from them.

    Attributes:
        holes: halves without another.
    """

    def __init__(self, found: Sequence[Sighting], known: Known) -> None:
        self._to = [each for each in found if known.is_waypoint(each.server) and each.client != each.server]
        self._on = [each for each in found if known.is_waypoint(each.client) and each.client != each.server]
        self._told = [each for each in found if each.by is not None]
        self.holes: set[str] = set()

    def reports(self) -> Iterator[tuple[Pair, Report]]:
        """Of whole ways, one for each of their halves."""
        for each in self._to:
            servers = self._servers(each)
            if not servers:
                self.holes.add(f"{each.client} reaches the waypoint {each.server}, and nobody saw where that leads")
            report = replace(_report(each), towards=str(each.server))
            for server in servers or {each.server}:
                yield (each.client, server), report if len(servers) < 2 else replace(report, count=0)
        for each in self._on:
            clients = self._clients(each)
            if not clients:
                self.holes.add(f"the waypoint {each.client} reaches {each.server}, and nobody saw who asked for it")
            report = replace(_report(each), behind=str(each.client))
            for client in clients or {each.client}:
                yield (client, each.server), report if len(clients) < 2 else replace(report, count=0)

    def _servers(self, to: Sighting) -> set[App]:
        """Who is behind a waypoint, for a client."""
        told = {
            each.server
            for each in self._told
            if each.by == to.server and each.client == to.client and to.host in ("", each.host)
        }
        return told or {each.server for each in self._on if each.client == to.server and _same(each.host, to.host)}

    def _clients(self, on: Sighting) -> set[App]:
        """For whom a waypoint reaches a server."""
        told = {each.client for each in self._told if each.by == on.client and each.server == on.server}
        return told or {each.client for each in self._to if each.server == on.client and _same(each.host, on.host)}


def _same(host: str, other: str) -> bool:
    return not host or not other or host == other


def _report(each: Sighting) -> Report:
    return Report(each.layer, each.reporter, each.count, each.failed, each.secured)


def _edge(pair: Pair, found: Sequence[Report], through: Collection[str]) -> Edge:
    merged = tuple(sorted(_merged(found), key=_order))
    requests = _most(merged, Layer.L7, lambda each: each.count)
    connections = _most(merged, Layer.L4, lambda each: each.count)
    refused = _most(merged, Layer.L4 if requests is None else Layer.L7, lambda each: each.failed)
    return Edge(
        client=str(pair[0]),
        server=str(pair[1]),
        seen=tuple(layer for layer in Layer if any(each.layer is layer for each in merged)),
        security=_security(merged),
        through=tuple(sorted(through)),
        requests=requests,
        failed=refused or 0,
        connections=connections,
        calls=_most(merged, Layer.APPLICATION, lambda each: each.count),
        calls_failed=_most(merged, Layer.APPLICATION, lambda each: each.failed) or 0,
        reports=merged,
    )


def _merged(found: Iterable[Report]) -> Iterator[Report]:
    """One report of each kind, with everything that it counted."""
    grouped: dict[Report, list[Report]] = defaultdict(list)
    for each in found:
        grouped[replace(each, count=0, failed=0)].append(each)
    for key, group in grouped.items():
        yield replace(key, count=sum(each.count for each in group), failed=sum(each.failed for each in group))


def _order(each: Report) -> tuple[int, str, str, str, str]:
    return list(Layer).index(each.layer), each.reporter, each.towards, each.behind, str(each.secured)


def _most(found: Iterable[Report], layer: Layer, number: Callable[[Report], int]) -> int | None:
    """What the observer counted that saw most: both ends of a connection count it, and a waypoint makes others."""
    by_observer: dict[tuple[str, str], int] = defaultdict(int)
    for each in found:
        if each.layer is layer and (layer is Layer.APPLICATION or not each.behind):
            by_observer[each.reporter, each.towards] += number(each)
    return max(by_observer.values(), default=None)


def _security(found: Iterable[Report]) -> Security:
    told = {each.secured for each in found} - {None}
    if not told:
        return Security.UNKNOWN
    if len(told) > 1:
        return Security.PARTLY
    return Security.MTLS if True in told else Security.PLAIN


def _nodes(pairs: Iterable[Pair], known: Known) -> tuple[Node, ...]:
    apps = {app for pair in pairs for app in pair}
    return tuple(Node(app.namespace, app.name, _meshes(app, known)) for app in sorted(apps))


def _meshes(app: App, known: Known) -> tuple[Mesh, ...]:
    return tuple(sorted(known.meshes.get(app, frozenset({Mesh.OUTSIDE}))))
