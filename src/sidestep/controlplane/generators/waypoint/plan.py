"""What a waypoint is to be told, as parts that are compared: only those that differ are made again."""

from collections.abc import Iterable, Mapping
from hashlib import sha256

from msgspec import Struct
from msgspec.json import encode
from msgspec.structs import replace

from sidestep.controlplane.generators.http.destinations import Destination
from sidestep.controlplane.generators.http.filters import Enforced
from sidestep.controlplane.generators.http.streams import on_bytes
from sidestep.controlplane.generators.http.targets import destination, targets
from sidestep.controlplane.generators.http.upstreams import Upstream, of_collector, outside_name, upstreams
from sidestep.controlplane.generators.waypoint.served import Reading, Served, Waypoint, pods, ports, replicas
from sidestep.controlplane.index import Index
from sidestep.model.kinds import GATEWAY
from sidestep.model.metadata import ObjectId
from sidestep.semantics.authentication.tokens import RequestPolicy
from sidestep.semantics.authorization.attachment import service_target
from sidestep.semantics.authorization.evaluate import PolicySet
from sidestep.semantics.authorization.policy import TargetRef
from sidestep.semantics.authorization.seen import Chain
from sidestep.semantics.envoy_filters import Patch, attached_patches
from sidestep.semantics.extension_providers import Authorizer
from sidestep.semantics.modules import Module, attached_modules, of_services
from sidestep.semantics.path_normalisation import PathNormalisation
from sidestep.semantics.routing.reach import Reach
from sidestep.semantics.routing.route import Retries
from sidestep.semantics.routing.rule import HttpEntry, Target
from sidestep.semantics.routing.waypoint_routes import WaypointRules
from sidestep.semantics.service_index import Service
from sidestep.semantics.telemetry import SERVER, Observed


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
        patches: of EnvoyFilters that are attached to the waypoint.
        modules: code that is attached to it, likewise.
        idle: code that is attached to one of its services, and does not run.
    """

    waypoint: Waypoint
    identity: str
    normalisation: PathNormalisation
    authorizers: tuple[Authorizer, ...]
    asked: tuple[tuple[Upstream, str], ...] = ()
    observed: Observed = Observed()
    collector: str = ""
    patches: tuple[Patch, ...] = ()
    modules: tuple[Module, ...] = ()
    idle: tuple[ObjectId, ...] = ()


class View(Struct, frozen=True):
    """How requests are judged that are seen otherwise than most: likewise, in a manager of their own.

    Attributes:
        name: that is added to the manager's.
        standing: all that it hangs on.
    """

    name: str
    standing: Standing


class Authority(Struct, frozen=True):
    """A port of a service.

    Attributes:
        chain: by what its requests are judged and routed.
        reading: what is read of it.
        names: by which tunnels name it.
        view: of the manager in which its requests are seen.
    """

    chain: str
    reading: Reading
    names: tuple[str, ...]
    view: str = ""


class Authorities(Struct, frozen=True):
    """By what tunnels name what is served, what is read there, and by what it is judged."""

    rows: tuple[Authority, ...]
    meshed: tuple[str, ...]
    plain: tuple[str, ...]
    layered: PolicySet = PolicySet()
    """What is enforced on tunnels themselves, where a flag asks for it (D24)."""


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
    authorizers: Mapping[str, Authorizer] = {}
    several: bool = False


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


Part = Standing | View | Authorities | Requests | Streams | Destination | Asked | Tokens
"""What is made again as a whole."""


def _waiting(each: Authority) -> Authority:
    return replace(each, reading=Reading.WAITED) if each.reading is Reading.BYTES else each


class Row(Struct):
    """What one service contributes."""

    authorities: list[Authority]
    parts: dict[str, Part]
    streams: list[Stream]
    tokens: list[tuple[RequestPolicy, ...]]
    seen: dict[str, Observed]


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
        self._authorizers = self._mesh.authorizers
        self._several = self._mesh.settings.several_authorizers
        self._usual = self._observed()
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
        self._judging(identity)
        rows = tuple(
            _waiting(each) if meshed or plain else each for row in self.rows.values() for each in row.authorities
        )
        self.parts["authorities"] = Authorities(rows, meshed, plain, self._layered())
        self.parts["streams"] = Streams(tuple(each for row in self.rows.values() for each in row.streams))
        served = (each for host in tokens for each in host)
        self.parts["tokens"] = Tokens(tuple(tokens), self._asked(upstreams((), served)))

    def _layered(self) -> PolicySet:
        """Policies by selector on the labels of the waypoint's own pods, all of which have the same.

        Source: pilot/pkg/networking/plugin/authz (NewWaypointTerminationBuilder): of layer 4, without CUSTOM.
        """
        own = self._waypoint
        if not self._mesh.settings.layered:
            return PolicySet()
        for each in replicas(self._index, own.namespace, own.name):
            instances = self._index.live.instances(each.namespace, each.name)
            if instances is not None:
                return replace(self._mesh.sidecar_policies(instances, Chain.TCP), custom=())
        return PolicySet()

    def _judging(self, identity: str) -> None:
        """Managers: the usual one, and one for each other way in which requests are seen."""
        authorizers = tuple(self._mesh.settings.authorizers.values())
        attached = (self._mesh.mesh, self._mesh.settings.root_namespace, self._waypoint.target)
        usual = self.parts["standing"] = Standing(
            self._waypoint,
            identity,
            self._mesh.settings.normalisation,
            authorizers,
            self._asked(upstreams(authorizers, ())),
            self._usual,
            self._collector(self._usual),
            attached_patches(*attached),
            attached_modules(*attached),
            self._idle(),
        )
        for row in self.rows.values():
            for name, seen in row.seen.items():
                standing = replace(usual, observed=seen, collector=self._collector(seen))
                self.parts[f"view/{name}"] = View(name, standing)

    def _idle(self) -> tuple[ObjectId, ...]:
        """Code that is attached to a service: the filters of all are one list."""
        by_host = self._mesh.services.by_host
        served = {
            (each.namespace, service_target(each.resource.id).reference) for each in map(by_host.__getitem__, self.rows)
        }
        return tuple(found for found, to in of_services(self._mesh.mesh) if (found.namespace, to) in served)

    def _collector(self, seen: Observed) -> str:
        told = seen.tracing
        return self._cluster_of(of_collector(told.to)) if told is not None else ""

    def _row(self, service: Service) -> Row:
        row = Row([], {}, [], [], {})
        view = self._view(service, row)
        for each in ports(self._index, self._mesh, service):
            host = self._mesh.host(each.service)
            rules = self._mesh.routing.waypoint_rules(self._waypoint.namespace, host, each.number)
            row.authorities.append(Authority(each.chain, each.reading, each.authorities, view))
            if each.reading is not Reading.BYTES:
                row.parts[f"requests/{each.chain}"] = self._requests(each, rules, row)
            if each.reading is not Reading.HTTP:
                row.streams.append(self._stream(each, rules, row))
        return row

    def _view(self, service: Service, row: Row) -> str:
        """What is added to the name of the manager in which its requests are seen as Telemetry asks."""
        seen = self._observed(service)
        if seen == self._usual:
            return ""
        name = f".{sha256(encode(seen)).hexdigest()[:12]}"
        row.seen[name] = seen
        return name

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
        policies = replace(policies, custom=on_bytes(policies, self._authorizers, several=self._several))
        return Stream(served.chain, served.authorities, policies, shares, self._authorizers, self._several)

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

    def _observed(self, *services: Service) -> Observed:
        """What is seen of requests: to a service, or of all of which nobody says more.

        Source: pilot/pkg/model/telemetry.go (applicableTelemetries): of the waypoint's namespace.
        """
        near = (each for each in services if each.namespace == self._waypoint.namespace)
        own = TargetRef(GATEWAY.group, GATEWAY.name, self._waypoint.name)
        told = (*(service_target(each.resource.id).reference for each in near), own)
        return self._mesh.telemetries.of(SERVER, self._waypoint.namespace, {}, told)

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
