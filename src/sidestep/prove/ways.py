"""The ways that a request can take into two meshes: who calls what, by which address, on which port.

Destinations are all that can be dialled in the first mesh: Services and ServiceEntries by name, their pods by address,
what only gateways route, and a host that no mesh knows.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator
from functools import cached_property

from msgspec import Struct

from sidestep.model.kinds import SERVICE_ENTRY
from sidestep.model.metadata import WorkloadRef
from sidestep.prove.addresses import representatives
from sidestep.prove.affected import changed_namespaces
from sidestep.prove.caller import Caller
from sidestep.prove.callers import Apart, Callers
from sidestep.prove.guards import Guards
from sidestep.prove.named import Condition, of_policies, of_ztunnel
from sidestep.prove.ports import matches, numbers
from sidestep.prove.residual import blocks
from sidestep.semantics.authorization.matchers import is_cidr
from sidestep.semantics.authorization.policy import Attribute
from sidestep.semantics.authorization.ztunnel_set import ZtunnelSet
from sidestep.semantics.by_selector import grouped
from sidestep.semantics.families import is_ipv6, of_each_family
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.probes import probe_ports
from sidestep.semantics.protocols import Declared
from sidestep.semantics.requests import Client, GatewayClient, KubeletClient, NodeClient, OutsideClient
from sidestep.semantics.routing.hosts import is_wildcard
from sidestep.semantics.service_index import Port, Service

_SOURCES = frozenset({Attribute.SOURCE_IP, Attribute.REMOTE_IP})
Sides = tuple[tuple[Guards, tuple[Instances, ...]], ...]
"""What stands before a destination in each mesh, and the pods behind it."""
Dialled = Callable[[str], bool]
"""Which addresses of pods are meant."""
_UNKNOWN_HOST = "nobody.example.com"
_USUAL_PORTS = ((80, Declared.HTTP), (443, Declared.TCP))
_KUBELET = KubeletClient()
_OF_PROXIES = frozenset(range(15000, 15100))


class Way(Struct, frozen=True):
    """One way.

    Attributes:
        client: who calls, in the first mesh.
        words: the client, for people.
        to: name or address dialled.
        port: dialled.
        protocol: what the port declares; undeclared where it is bytes in the first mesh alone, for HTTP is bytes too.
        service: host of the destination; that of a service before the pods where they are dialled themselves.
        other: who calls in the second mesh.
        instead: name or address, and port, that lead to the same pods in the first mesh, where the name is new.
        also: names and ports of Services that lead to the same port, where pods are dialled by their own address.
    """

    client: Client
    words: str
    to: str
    port: int
    protocol: Declared
    service: str
    other: Client
    instead: tuple[str, int] | None = None
    also: tuple[tuple[str, int], ...] = ()


class Ways(Struct, frozen=True, dict=True):
    """All ways of two meshes.

    Attributes:
        before: the first.
        after: the second; None for the first alone.
        namespaces: only destinations there; empty for all.
        nodes: whether processes on nodes call too.
        kept: by what callers of destinations are told apart, where that is known already.
        near: only callers of these namespaces, and whoever may come there or from nowhere; None for all.
        everybody: who calls, where that is known already.
    """

    before: MeshIndex
    after: MeshIndex | None = None
    namespaces: tuple[str, ...] = ()
    nodes: bool = False
    kept: "dict[str, Told]" = {}
    near: frozenset[str] | None = None
    everybody: Callers | None = None

    def all(self) -> Iterator[Way]:
        """Every way, by destination."""
        for service in self.suspicious_first():
            yield from self.to(service)
        yield from self.alone()
        for space in self.before.by_namespace:
            if not self.namespaces or space in self.namespaces:
                yield from self.probes(space)
        yield from self.new_names()
        yield from self.elsewhere()

    def suspicious_first(self) -> Iterator[Service]:
        """All that has a name, first those in whose namespace an object has changed."""
        first = self._changed
        yield from self.suspicious()
        yield from (each for each in self.destinations() if each.namespace not in first)

    def suspicious(self) -> Iterator[Service]:
        """All that has a name in a namespace in which an object has changed."""
        return (each for each in self.destinations() if each.namespace in self._changed)

    def destinations(self) -> Iterable[Service]:
        """All that has a name."""
        found: dict[str, Service] = {}
        for service in self.before.services.services:
            if not self.namespaces or service.namespace in self.namespaces:
                found.setdefault(service.host, service)
        return found.values()

    @cached_property
    def _changed(self) -> frozenset[str]:
        return changed_namespaces(self.before.mesh, self.after.mesh) if self.after is not None else frozenset()

    def to(self, service: Service, *, new: bool = False, steady: Dialled = lambda _: False) -> Iterator[Way]:
        """Every way to a service, and to those of its pods that no older service leads to.

        Args:
            service: the destination.
            new: only for classes of callers that were not asked there yet.
            steady: the same for those who dial pods by these addresses.
        """
        found = self._clients(service.host, self._pods(service.host), service.namespace, new=new)
        for number, protocol in self._spoken(service) if found else ():
            for name in (self._name(service), *of_each_family(service.vips)[1:]):
                for client, other, words in found:
                    yield Way(client, words, name, number, protocol, service.host, other)
        for pods in self.before.behind(service):
            if self.before.in_front_of(pods)[:1] == (service,):
                yield from self._to_pods(pods, service.host, steady, new=new)

    def has_new(self, service: Service, workloads: frozenset[WorkloadRef]) -> bool:
        """Whether workloads may call a service, or its pods, as nobody did who was asked there."""
        told = tuple(self.told(service))
        return not told or any(self.callers.has_new(each.apart, each.asked, workloads) for each in told)

    def told(self, service: Service) -> Iterator["Told"]:
        """By what callers of a service, and of the pods behind it, are told apart, as far as anybody asked."""
        for key in self.places(service):
            found = self.kept.get(key)
            if found is not None:
                yield found

    def places(self, service: Service, steady: Dialled = lambda _: False) -> Iterator[str]:
        """Under what that is known: a name, or the address of pods and their namespace, but for some addresses."""
        yield service.host
        for pods in self.before.behind(service):
            yield from places_of(pods, steady)

    def alone(
        self, namespace: str | None = None, *, new: bool = False, steady: Dialled = lambda _: False
    ) -> Iterator[Way]:
        """Every way to pods that no service leads to, of one namespace or of all that are asked about.

        Args:
            namespace: of the pods; None for all.
            new: only for classes of callers that were not asked there yet.
            steady: the same for those who dial pods by these addresses.
        """
        for space in self.lonely() if namespace is None else (namespace,):
            for pods in self.before.unserved(space):
                yield from self._to_pods(pods, "", steady, new=new)

    def lonely(self) -> Iterator[str]:
        """Namespaces that have pods to which no service leads, of those that are asked about."""
        for space in self.before.by_namespace:
            if (not self.namespaces or space in self.namespaces) and self.before.unserved(space):
                yield space

    def probes(self, namespace: str) -> Iterator[Way]:
        """The kubelet to pods of a namespace that NetworkPolicies hold in either mesh and ambient takes in one.

        By an address where one is the same in both meshes, else by a Service that leads to them alone; those with
        neither are not asked.
        """
        if all(index.network.rules(namespace) is None for index in self._indexes):
            return
        for ref, pods in grouped(self.before.by_namespace.get(namespace, ()), lambda each: each.workload).items():
            others = (self.after or self.before).workloads.get(ref, ())
            to = self._by_which(pods, others)
            if to and any(each.mode is Mode.AMBIENT for each in (*pods, *others)):
                for port in sorted({number for one in pods for number in probe_ports(self.before.mesh, one)}):
                    yield Way(_KUBELET, "the kubelet", to, port, Declared.TCP, "", _KUBELET)

    def _by_which(self, pods: tuple[Instances, ...], others: tuple[Instances, ...]) -> str:
        """A name or an address of pods of one workload alone, in both meshes; empty where there is none."""
        second = {address for each in others for address in each.every_address}
        address = next((each for one in pods for each in one.every_address if each in second), "")
        if address or not pods or not others:
            return address
        for service in self.before.in_front_of(pods[0]):
            behind = [each for index in self._indexes for each in _behind(index, service.host)]
            if behind and all(each.workload == pods[0].workload for each in behind):
                return service.host
        return ""

    def told_alone(self, namespace: str) -> Iterator["Told"]:
        """By what callers of such pods are told apart, as far as anybody asked."""
        places = (place for pods in self.before.unserved(namespace) for place in places_of(pods))
        yield from (self.kept[place] for place in places if place in self.kept)

    def told_unknown(self) -> Iterator["Told"]:
        """By what callers of a host are told apart that no mesh knows, as far as anybody asked."""
        yield from (self.kept[place] for place in (_place("", ""),) if place in self.kept)

    @staticmethod
    def _name(service: Service) -> str:
        return f"any{service.host[1:]}" if is_wildcard(service.host) else service.host

    def new_names(self, services: Iterable[Service] | None = None) -> Iterator[Way]:
        """Services of the second mesh alone: who dials them gets no further than to the same pods in the first.

        Hosts outside are dialled by their names in both: what the first mesh does with a host that it does not know.
        """
        for service in self.new_services() if services is None else services:
            found = self._clients(service.host, self._pods(service.host), service.namespace)
            outside = service.resource.kind == SERVICE_ENTRY.name and not (self.after or self.before).behind(service)
            for port in service.ports:
                instead = self._same_pods(service, port)
                for client, other, words in found if outside or instead is not None else ():
                    name = service.host if instead is not None else self._name(service)
                    yield Way(client, words, name, port.number, port.protocol, service.host, other, instead)

    def new_services(self) -> Iterator[Service]:
        """Those that only the second mesh has."""
        known = self.before.services.by_host
        if self.after is None or self.after.services.by_host.keys() <= known.keys():
            return
        for service in self.after.services.services:
            wanted = not self.namespaces or service.namespace in self.namespaces
            if wanted and service.host not in known:
                yield service

    def _same_pods(self, service: Service, port: Port) -> tuple[str, int] | None:
        """What leads to pods behind a new name in the first mesh: an older Service, or their own address."""
        for pods in (self.after or self.before).behind(service):
            target = port.target if isinstance(port.target, int) else pods.container_ports.get(port.target)
            known = [each for address in pods.every_address if (each := self.before.by_address.get(address))]
            named = known or self.before.workloads.get(pods.workload, ())  # files tell no addresses
            for older in (each for group in named for each in self.before.in_front_of(group)):
                for one in older.ports:
                    same = one.target if isinstance(one.target, int) else pods.container_ports.get(one.target)
                    if same == target and not older.headless:
                        return older.host, one.number
            if known and target is not None:
                return next(address for address in pods.every_address if address in self.before.by_address), target
        return None

    def elsewhere(self) -> Iterator[Way]:
        """To what only gateways route, and to a host that no mesh knows."""
        yield from self.to_unknown()
        yield from self.by_gateways()

    def to_unknown(self, *, new: bool = False) -> Iterator[Way]:
        """To a host that no mesh knows, by everybody or only by classes of callers that were not asked yet."""
        found = self._clients("", (), "", new=new) if not self.namespaces else []
        for port, protocol in _USUAL_PORTS:
            for client, other, words in found:
                if not isinstance(client, OutsideClient | NodeClient):
                    yield Way(client, words, _UNKNOWN_HOST, port, protocol, "", other)

    def by_gateways(self) -> Iterator[Way]:
        """To what gateways route, and to names that only routes of sidecars know."""
        for gateway, host, port in self._routed_by_gateways():
            yield Way(gateway, f"gateway {gateway.namespace}/{gateway.name}", host, port, Declared.HTTP, "", gateway)
        unserved = {host for each in self._indexes for host in each.routed_alone}
        for host in sorted(unserved) if not self.namespaces else ():
            yield from self._to_unserved(host)

    def _to_unserved(self, host: str) -> Iterator[Way]:
        """To a name that no service has: on the ports of the wildcard that it is under, else on the usual ones."""
        sides = tuple((guards, guards.behind(host)) for guards in self.guards)
        wild = self.before.services.named(host, "")
        ports = tuple(_ports(wild, ())) if wild is not None else _USUAL_PORTS
        self.kept.pop(host, None)  # by no namespace it could be found that callers there are told apart otherwise now
        for client, other, words in self._clients(host, sides, ""):
            for port, protocol in ports if not isinstance(client, OutsideClient | NodeClient) else ():
                yield Way(client, words, host, port, protocol, host, other)

    def _routed_by_gateways(self) -> Iterator[tuple[GatewayClient, str, int]]:
        seen: set[tuple[str, str, int]] = set()
        for index in self._indexes:
            for name, servers in index.routing.named_gateways():
                space, _, own = name.partition("/")
                if self.namespaces and space not in self.namespaces:
                    continue
                hosts = {host for bound in index.routing.gateway_bounds(name) for host in bound.hosts}
                for server in servers:
                    for host in sorted(hosts):
                        told = _UNKNOWN_HOST if host == "*" else f"any{host[1:]}" if is_wildcard(host) else host
                        if (name, told, server.port) not in seen and "." in told:
                            seen.add((name, told, server.port))
                            yield GatewayClient(space, own), told, server.port

    def make_ready(self) -> None:
        """Find what every way needs, so that processes that share the asking share it too."""
        for index in self._indexes:
            index.find_common()
        _ = self.callers.identities, self.guards

    @property
    def _indexes(self) -> tuple[MeshIndex, ...]:
        return (self.before,) if self.after is None else (self.before, self.after)

    @cached_property
    def guards(self) -> tuple[Guards, ...]:
        """Of each mesh."""
        return tuple(Guards(index) for index in self._indexes)

    @cached_property
    def callers(self) -> Callers:
        """Everybody who calls."""
        return self.everybody or Callers(self.before, self.after or self.before, self.near)

    def _pods(self, host: str) -> Sides:
        return tuple((guards, guards.behind(host)) for guards in self.guards)

    def _to_pods(self, pods: Instances, host: str, steady: Dialled, *, new: bool) -> Iterator[Way]:
        """Pods by their own address: one of each IP family, for each kind of pods that they are in the second mesh."""
        if pods.mode is Mode.WAYPOINT:
            return
        others = (self.after or self.before).by_address
        addresses: dict[tuple[int, bool], str] = {}
        for address in pods.every_address:
            if address in others and address in self.before.by_address:
                addresses.setdefault((id(others[address]), is_ipv6(address)), address)
        for address in addresses.values():
            known = new or (_place(pods.namespace, address) in self.kept and steady(address))
            yield from self._to_address(address, pods, others[address], host, new=known)

    def _to_address(self, address: str, pods: Instances, other: Instances, host: str, *, new: bool) -> Iterator[Way]:
        """Every port that anything speaks about, and some that nothing does."""
        sides = ((self.guards[0], (pods,)), (self.guards[-1], (other,)))
        found = self._clients("", sides, pods.namespace, address, new=new)
        declared = self._declared(pods, other) if found else {}
        for number in sorted(numbers(sides, declared) - _OF_PROXIES if found else ()):
            protocol, also = declared.get(number, (Declared.UNDECLARED, ()))
            for client, one, words in found:
                yield Way(client, words, address, number, protocol, host, one, None, also)

    def _spoken(self, service: Service) -> Iterator[tuple[int, Declared]]:
        """Ports of a service as they are dialled, by what may be sent there."""
        found = dict(_ports(service, self.before.behind(service)))
        other = self.after.services.by_host.get(service.host) if self.after is not None else None
        if other is None or other.ports == service.ports:
            return iter(found.items())
        return iter(_in_either(found, dict(_ports(other, (self.after or self.before).behind(other)))).items())

    def _declared(self, pods: Instances, other: Instances) -> dict[int, tuple[Declared, tuple[tuple[str, int], ...]]]:
        """Target ports as Services declare them, the oldest first, and how those are dialled."""
        found = self._at(pods, self.before)
        known = {number: protocol for number, (protocol, _) in found.items()}
        if self.after is None or Declared.TCP not in known.values():
            return found
        then = {number: protocol for number, (protocol, _) in self._at(other, self.after).items()}
        return {number: (told, found[number][1]) for number, told in _in_either(known, then).items()}

    @staticmethod
    def _at(pods: Instances, index: MeshIndex) -> dict[int, tuple[Declared, tuple[tuple[str, int], ...]]]:
        found: dict[int, tuple[Declared, tuple[tuple[str, int], ...]]] = {}
        for service in index.in_front_of(pods):
            for port in service.ports:
                number = port.target if isinstance(port.target, int) else pods.container_ports.get(port.target)
                if number is not None:
                    protocol, names = found.get(number, (port.protocol, ()))
                    found[number] = protocol, (*names, (service.host, port.number))
        return found

    def _clients(
        self, host: str, sides: Sides, namespace: str, address: str = "", *, new: bool = False
    ) -> list[tuple[Client, Client, str]]:
        """One of each class of callers, and somebody outside for each class of addresses."""
        key = host or _place(namespace, address)
        told = self.kept.get(key)
        if told is None:
            told = self.kept[key] = self._apart(host, sides, namespace)
        classes = self.callers.classes(told.apart)
        own = {each.workload for _, pods in sides for each in pods}
        callers = [_as_client(each, own) for key, each in classes.items() if not (new and key in told.asked)]
        told.asked.update(self.callers.asked(told.apart))
        return callers if new else [*self._strangers(told), *callers]

    def _strangers(self, told: "Told") -> Iterator[tuple[Client, Client, str]]:
        for address in told.apart.addresses or ("",):
            outside = OutsideClient(address)
            yield outside, outside, f"outside {address}".rstrip()
            if self.nodes:
                node = NodeClient(address)
                yield node, node, f"node {address}".rstrip()

    def apart(self, to: str) -> Apart:
        """By what callers of a name or an address are told apart in the first mesh."""
        service = self.before.services.by_host.get(to)
        if service is not None:
            return self._apart(to, self._pods(to), service.namespace).apart
        pods = self.before.by_address.get(to)
        sides = ((self.guards[0], (pods,)),) if pods is not None else ()
        return self._apart("", sides, pods.namespace if pods is not None else "").apart

    def _apart(self, host: str, sides: Sides, namespace: str) -> "Told":
        asked: set[Condition] = set()
        ranges: set[str] = set()
        spaces: set[str] = set()
        labels: set[str] = set()
        near = ""
        for guards, pods in sides:
            sets = guards.policies(host) if host else (each for one in pods for each in guards.of_pods(one))
            for policies in sets:
                asked |= of_policies(policies)
                ranges |= blocks(policies, _SOURCES)
            for of in guards.at_ztunnel(pods):
                asked |= of_ztunnel(of)
                ranges |= _ranges_at_ztunnel(of)
            spaces |= guards.namespaces(host) if host else set()
            labels |= guards.labels(host)
            peers = guards.network(namespace)
            spaces, labels, ranges = spaces | peers.namespaces, labels | peers.labels, ranges | peers.blocks
            near = namespace if guards.scoped else near
        known = [each for each in ranges if is_cidr(each)]
        addresses = representatives(known) if known else ()
        own = self.callers.identities
        conditions, special = frozenset(asked), frozenset(spaces | {namespace} - {""})
        strangers = own.strangers(conditions, special)
        taken = own.with_strangers(conditions, strangers)
        return Told(Apart(taken, frozenset(spaces), near, frozenset(labels), addresses, strangers))


def places_of(pods: Instances, steady: Dialled = lambda _: False) -> Iterator[str]:
    """Under what is known by what callers of pods are told apart who dial their addresses, but for some of them."""
    return (_place(pods.namespace, address) for address in pods.every_address if not steady(address))


def _place(namespace: str, address: str) -> str:
    return f"{namespace} {address}"


def _behind(index: MeshIndex, host: str) -> tuple[Instances, ...]:
    service = index.services.by_host.get(host)
    return index.behind(service) if service is not None else ()


class Told(Struct, frozen=True):
    """By what callers of one destination are told apart.

    Attributes:
        apart: what of them counts.
        asked: by what one can tell whether they were asked there (`Callers.asked`), which is noted as they are.
    """

    apart: Apart
    asked: set[Hashable] = set()


def _as_client(alike: tuple[Caller, ...], own: set[WorkloadRef]) -> tuple[Client, Client, str]:
    """One for all that are alike; not the destination itself, if there is another."""
    caller = next((each for each in alike if each.workload not in own), alike[0])
    return *caller.clients, caller.words


def _ports(service: Service, pods: Iterable[Instances]) -> Iterator[tuple[int, Declared]]:
    """Ports as they are dialled: behind a headless name, those of the pods too."""
    found: dict[int, Declared] = {}
    gateway = any(each.mode is Mode.GATEWAY for each in pods)
    for port in service.ports:
        found.setdefault(port.number, _in_tls(port.protocol) if gateway else port.protocol)
        target = port.target
        numbers = [target] if isinstance(target, int) else [each.container_ports.get(target) for each in pods]
        for number in numbers if service.headless else ():
            if number is not None:
                found.setdefault(number, port.protocol)
    return iter(found.items())


def _in_either(known: dict[int, Declared], then: dict[int, Declared]) -> dict[int, Declared]:
    """What may be sent to ports of the first mesh: to one that is bytes there HTTP, too, if the second reads it."""
    return {
        number: Declared.UNDECLARED if told is Declared.TCP and then.get(number, told) is not told else told
        for number, told in known.items()
    }


def _in_tls(protocol: Declared) -> Declared:
    """A gateway may end TLS, and read HTTP in it."""
    return Declared.UNDECLARED if protocol is Declared.TCP else protocol


def _ranges_at_ztunnel(policies: ZtunnelSet) -> set[str]:
    sides = (side for match in matches(policies) for side in (match.positive, match.negative))
    return {f"{address.ip}/{address.length}" for side in sides for address in side.source_ips}
