"""What a waypoint is to be told, as parts that are compared: only those that differ are made again."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from sidestep.controlplane.generators.http.destinations import Destination
from sidestep.controlplane.generators.http.filters import Enforced
from sidestep.controlplane.generators.http.upstreams import Upstream, outside_name, upstreams
from sidestep.controlplane.generators.waypoint.destinations import destination, targets
from sidestep.controlplane.generators.waypoint.served import Reading, Served, Waypoint, pods, ports
from sidestep.controlplane.index import Index
from sidestep.model.kinds import GATEWAY
from sidestep.semantics.authentication.tokens import RequestPolicy
from sidestep.semantics.authorization.evaluate import PolicySet
from sidestep.semantics.authorization.policy import TargetRef
from sidestep.semantics.authorization.seen import Chain
from sidestep.semantics.extension_providers import Authorizer
from sidestep.semantics.path_normalisation import PathNormalisation
from sidestep.semantics.routing.reach import Reach
from sidestep.semantics.routing.route import Retries
from sidestep.semantics.routing.rule import HttpEntry, Target
from sidestep.semantics.routing.waypoint_routes import WaypointRules
from sidestep.semantics.service_index import Service
from sidestep.semantics.telemetry import SERVER, Observed, Telemetries, Tracing

_MULTIPLE = "PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS"


class Standing(Struct, frozen=True):
    """What hangs on no service: listeners, and how they judge.

    Attributes:
        waypoint: whose.
        identity: of it.
        normalisation: of paths.
        authorizers: that may be asked.
        asked: with the clusters by which they are.
        observed: what is written and told of requests.
        collector: cluster to which spans are told; empty for none.
    """

    waypoint: Waypoint
    identity: str
    normalisation: PathNormalisation
    authorizers: tuple[Authorizer, ...]
    asked: tuple[tuple[Upstream, str], ...] = ()
    observed: Observed = Observed()
    collector: str = ""


class Authorities(Struct, frozen=True):
    """By what tunnels name what is served, what is read there, and by what it is judged."""

    rows: tuple[tuple[str, Reading, tuple[str, ...]], ...]
    meshed: tuple[str, ...]
    plain: tuple[str, ...]


class Requests(Struct, frozen=True):
    """How requests to a port of a service, or to pods, are judged and routed.

    Attributes:
        service: that was dialled; None for pods.
        port: of it.
        enforced: policies.
        authorizers: that policies name.
        several: of them may be asked at once.
        entries: rules.
        rules: from where they are read.
        retries: of requests of which no rule speaks.
        clusters: name and settings of each destination; those without are not there.
    """

    service: Service | None
    port: int
    enforced: Enforced
    authorizers: Mapping[str, Authorizer]
    several: bool
    entries: tuple[HttpEntry, ...] = ()
    namespace: str = ""
    retries: Retries = Retries()
    clusters: Mapping[Target, Destination] = {}


class Stream(Struct, frozen=True):
    """How connections in which no HTTP is read are judged and routed."""

    chain: str
    authorities: tuple[str, ...]
    policies: PolicySet
    shares: tuple[tuple[str, int], ...]


class Streams(Struct, frozen=True):
    """All of them."""

    rows: tuple[Stream, ...]


class Asked(Struct, frozen=True):
    """Whom the waypoint asks on its own account, outside of the mesh."""

    upstream: Upstream


class Tokens(Struct, frozen=True):
    """What is known of tokens, by host."""

    hosts: tuple[tuple[RequestPolicy, ...], ...]
    asked: tuple[tuple[Upstream, str], ...] = ()


Part = Standing | Authorities | Requests | Streams | Destination | Asked | Tokens
"""What is made again as a whole."""


def _collector(wanted: Tracing) -> Upstream:
    """Where spans are told."""
    return Upstream(wanted.host, wanted.port, http2=not wanted.path)


class Row(Struct):
    """What one service contributes."""

    authorities: list[tuple[str, Reading, tuple[str, ...]]]
    parts: dict[str, Part]
    streams: list[Stream]
    tokens: list[tuple[RequestPolicy, ...]]


class Plan:
    """The parts of one waypoint.

    Args:
        index: all records.
        waypoint: which.
        bound: its services.
        identity: of the waypoint.
        kept: what services contributed before, of which it still holds.

    Attributes:
        parts: by name.
        rows: what each service contributes, by host.
    """

    def __init__(
        self,
        index: Index,
        waypoint: Waypoint,
        bound: Iterable[Service],
        identity: str,
        kept: Mapping[str, Row],
    ) -> None:
        self._index, self._mesh, self._waypoint = index, index.mesh(), waypoint
        self._authorizers = self._mesh.settings.authorizers
        self._several = self._mesh.settings.flag(_MULTIPLE, default=False)
        self.rows = {each.host: kept.get(each.host) or self._row(each) for each in bound}
        self.parts: dict[str, Part] = {}
        for row in self.rows.values():
            self.parts.update(row.parts)
        self._common(identity)

    def _common(self, identity: str) -> None:
        """What is not of one service."""
        meshed, plain = pods(self._index, self._waypoint)
        tokens = {each: None for row in self.rows.values() for each in row.tokens}
        if meshed or plain:
            tokens[self._pods()] = None
        authorizers, observed = tuple(self._authorizers.values()), self._observed()
        self.parts["standing"] = Standing(
            self._waypoint,
            identity,
            self._mesh.settings.normalisation,
            authorizers,
            self._asked(upstreams(authorizers, ())),
            observed,
            self._cluster_of(_collector(observed.tracing)) if observed.tracing else "",
        )
        rows = tuple(each for row in self.rows.values() for each in row.authorities)
        self.parts["authorities"] = Authorities(rows, meshed, plain)
        self.parts["streams"] = Streams(tuple(each for row in self.rows.values() for each in row.streams))
        served = (each for host in tokens for each in host)
        self.parts["tokens"] = Tokens(tuple(tokens), self._asked(upstreams((), served)))

    def _row(self, service: Service) -> Row:
        row = Row([], {}, [], [])
        for each in ports(self._index, self._mesh, service):
            host = self._mesh.host(each.service)
            rules = self._mesh.routing.waypoint_rules(self._waypoint.namespace, host, each.number)
            row.authorities.append((each.chain, each.reading, each.authorities))
            if each.reading is not Reading.BYTES:
                row.parts[f"requests/{each.chain}"] = self._requests(each, rules, row)
            if each.reading is not Reading.HTTP:
                row.streams.append(self._stream(each, rules, row))
        return row

    def _requests(self, served: Served, rules: WaypointRules, row: Row) -> Requests:
        target = self._waypoint.target
        tokens = self._mesh.waypoint_request_policies(target, served.service)
        policies = self._mesh.waypoint_policies(target, served.service, Chain.HTTP)
        wanted = tuple(targets(rules.http, None)) if rules.http else (Target(served.service.host),)
        row.tokens.append(tokens)
        return Requests(
            served.service,
            served.number,
            Enforced(policies, tokens),
            self._authorizers,
            self._several,
            rules.http,
            self._waypoint.namespace,
            rules.reach.retries if rules.http else rules.reach.unrouted,
            self._destinations(wanted, served, rules.reach, row),
        )

    def _stream(self, served: Served, rules: WaypointRules, row: Row) -> Stream:
        wanted = tuple(targets((), rules.stream)) or (Target(served.service.host),)
        if rules.stream is not None and (rules.stream.broken or not rules.stream.targets):
            wanted = ()
        found = self._destinations(wanted, served, rules.reach, row)
        shares = tuple((found[each].name, each.weight) for each in wanted if each in found and each.weight)
        policies = self._mesh.waypoint_policies(self._waypoint.target, served.service, Chain.TCP)
        return Stream(served.chain, served.authorities, policies, shares)

    def _destinations(
        self, wanted: Iterable[Target], served: Served, reach: Reach, row: Row
    ) -> Mapping[Target, Destination]:
        found = {each: destination(self._mesh, each, served.number, reach) for each in wanted}
        known = {each: to for each, to in found.items() if to is not None}
        row.parts.update({f"cluster/{to.name}": to for to in known.values()})
        return known

    def _pods(self) -> tuple[RequestPolicy, ...]:
        """What pods of any port are dialled by: policies of the waypoint alone, and no routes; their tokens."""
        target = self._waypoint.target
        tokens = self._mesh.waypoint_request_policies(target, None)
        enforced = Enforced(self._mesh.waypoint_policies(target, None, Chain.HTTP), tokens)
        self.parts["pods"] = Requests(None, 0, enforced, self._authorizers, self._several)
        return tokens

    def _observed(self) -> Observed:
        """What is seen of requests: for all services alike, as they share one manager."""
        own = TargetRef(GATEWAY.group, GATEWAY.name, self._waypoint.name)
        telemetries = Telemetries(self._mesh.mesh, self._mesh.settings.root_namespace)
        return telemetries.of(SERVER, self._waypoint.namespace, {}, (own,))

    def _asked(self, wanted: Iterable[Upstream]) -> tuple[tuple[Upstream, str], ...]:
        """Authorizers and servers of keys, with the clusters by which they are asked."""
        return tuple((each, self._cluster_of(each)) for each in wanted)

    def _cluster_of(self, upstream: Upstream) -> str:
        service = self._mesh.services.by_host.get(upstream.host)
        if service is not None and service.port(upstream.port) is not None:
            host = self._mesh.host(service)
            reach = self._mesh.routing.waypoint_rules(self._waypoint.namespace, host, upstream.port).reach
            to = destination(self._mesh, Target(upstream.host), upstream.port, reach)
            if to is not None:
                self.parts[f"cluster/{to.name}"] = to
                return to.name
        self.parts[f"asked/{outside_name(upstream)}"] = Asked(upstream)
        return outside_name(upstream)
