"""What a waypoint is to be told, as parts that are compared: only those that differ are made again."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from sidestep.controlplane.generators.http.destinations import Destination
from sidestep.controlplane.generators.http.filters import Enforced
from sidestep.controlplane.generators.http.upstreams import Upstream, outside_name, upstreams
from sidestep.controlplane.generators.waypoint.destinations import destination, targets
from sidestep.controlplane.generators.waypoint.served import Reading, Served, Waypoint, pods, ports
from sidestep.controlplane.index import Index
from sidestep.semantics.authentication.tokens import RequestPolicy
from sidestep.semantics.authorization.evaluate import PolicySet
from sidestep.semantics.authorization.seen import Chain
from sidestep.semantics.extension_providers import Authorizer
from sidestep.semantics.path_normalisation import PathNormalisation
from sidestep.semantics.routing.reach import Reach
from sidestep.semantics.routing.route import Retries
from sidestep.semantics.routing.rule import HttpEntry, Target
from sidestep.semantics.routing.waypoint_routes import WaypointRules
from sidestep.semantics.service_index import Service

_MULTIPLE = "PILOT_ENABLE_MULTIPLE_CUSTOM_AUTHZ_PROVIDERS"


class Standing(Struct, frozen=True):
    """What hangs on no service: listeners, and how they judge.

    Attributes:
        waypoint: whose.
        identity: of it.
        normalisation: of paths.
        authorizers: that may be asked, with the clusters by which they are.
    """

    waypoint: Waypoint
    identity: str
    normalisation: PathNormalisation
    authorizers: tuple[Authorizer, ...]
    asked: tuple[tuple[Upstream, str], ...] = ()


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


class Plan:
    """The parts of one waypoint.

    Args:
        index: all records.
        waypoint: which.
        bound: its services.
        trust_domain: of the mesh.
    """

    def __init__(self, index: Index, waypoint: Waypoint, bound: list[Service], trust_domain: str) -> None:
        self._index, self._mesh, self._waypoint = index, index.mesh(), waypoint
        self._served = tuple(ports(index, self._mesh, bound))
        self._authorizers = self._mesh.settings.authorizers
        self._several = self._mesh.settings.flag(_MULTIPLE, default=False)
        self._identity = waypoint.identity(trust_domain)
        self._streams: list[Stream] = []
        self._tokens: dict[tuple[RequestPolicy, ...], None] = {}
        self.parts: dict[str, Part] = {}
        self._fill()

    def _fill(self) -> None:
        for each in self._served:
            rules = self._mesh.routing.waypoint_rules(
                self._waypoint.namespace, self._mesh.host(each.service), each.number
            )
            if each.reading is not Reading.BYTES:
                self.parts[f"requests/{each.chain}"] = self._requests(each, rules)
            if each.reading is not Reading.HTTP:
                self._streams.append(self._stream(each, rules))
        meshed, plain = pods(self._index, self._waypoint)
        if meshed or plain:
            self._pods()
        authorizers = tuple(self._authorizers.values())
        self.parts["standing"] = Standing(
            self._waypoint,
            self._identity,
            self._mesh.settings.normalisation,
            authorizers,
            self._asked(upstreams(authorizers, ())),
        )
        rows = tuple((each.chain, each.reading, each.authorities) for each in self._served)
        self.parts["authorities"] = Authorities(rows, meshed, plain)
        self.parts["streams"] = Streams(tuple(self._streams))
        served = (each for host in self._tokens for each in host)
        self.parts["tokens"] = Tokens(tuple(self._tokens), self._asked(upstreams((), served)))

    def _requests(self, served: Served, rules: WaypointRules) -> Requests:
        target = self._waypoint.target
        tokens = self._mesh.waypoint_request_policies(target, served.service)
        policies = self._mesh.waypoint_policies(target, served.service, Chain.HTTP)
        found = self._destinations(
            (*targets(rules.http, None), *(() if rules.http else (Target(served.service.host),))), served, rules.reach
        )
        self._tokens[tokens] = None
        return Requests(
            served.service, served.number, Enforced(policies, tokens), self._authorizers, self._several,
            rules.http, self._waypoint.namespace, rules.reach.retries if rules.http else rules.reach.unrouted, found,
        )  # fmt: skip

    def _stream(self, served: Served, rules: WaypointRules) -> Stream:
        wanted = tuple(targets((), rules.stream)) or (Target(served.service.host),)
        if rules.stream is not None and (rules.stream.broken or not rules.stream.targets):
            wanted = ()
        found = self._destinations(wanted, served, rules.reach)
        shares = tuple((found[each].name, each.weight) for each in wanted if each in found and each.weight)
        policies = self._mesh.waypoint_policies(self._waypoint.target, served.service, Chain.TCP)
        return Stream(served.chain, served.authorities, policies, shares)

    def _destinations(self, wanted: tuple[Target, ...], served: Served, reach: Reach) -> Mapping[Target, Destination]:
        found = {each: destination(self._mesh, each, served.number, reach) for each in wanted}
        known = {each: to for each, to in found.items() if to is not None}
        for to in known.values():
            self.parts[f"cluster/{to.name}"] = to
        return known

    def _pods(self) -> None:
        """What pods of any port are dialled by: policies of the waypoint alone, and no routes."""
        target = self._waypoint.target
        tokens = self._mesh.waypoint_request_policies(target, None)
        self._tokens[tokens] = None
        enforced = Enforced(self._mesh.waypoint_policies(target, None, Chain.HTTP), tokens)
        self.parts["pods"] = Requests(None, 0, enforced, self._authorizers, self._several)

    def _asked(self, wanted: Iterable[Upstream]) -> tuple[tuple[Upstream, str], ...]:
        """Authorizers and servers of keys, with the clusters by which they are asked."""
        found = []
        for each in wanted:
            service = self._mesh.services.by_host.get(each.host)
            reach = None
            if service is not None and service.port(each.port) is not None:
                host = self._mesh.host(service)
                reach = self._mesh.routing.waypoint_rules(self._waypoint.namespace, host, each.port).reach
            to = destination(self._mesh, Target(each.host), each.port, reach) if reach is not None else None
            if to is None:
                self.parts[f"asked/{outside_name(each)}"] = Asked(each)
                found.append((each, outside_name(each)))
            else:
                self.parts[f"cluster/{to.name}"] = to
                found.append((each, to.name))
        return tuple(found)
