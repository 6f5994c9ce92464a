"""Records, found by what proxies look for: address, node, service. Each change costs what it touches.

Source of who wins where several have one address or host: ztunnel.md §3.10.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeVar

from msgspec import Struct

from sidestep.controlplane.departed import Departed
from sidestep.controlplane.groups import Groups
from sidestep.controlplane.live.live import Live
from sidestep.controlplane.records import (
    Dirty,
    PolicyKey,
    Records,
    Service,
    ServiceKey,
    Tunnel,
    Workload,
    WorkloadUid,
    led,
)
from sidestep.controlplane.registry.objects import Ref, Tree
from sidestep.semantics.authorization.ztunnel import Authorization, Scope
from sidestep.semantics.index import MeshIndex

_POD = "//Pod/"
_K = TypeVar("_K")
_V = TypeVar("_V")


class Changes(Struct, frozen=True):
    """New records by key, and the objects that changed; None for one that is gone."""

    workloads: Mapping[WorkloadUid, Workload | None] = {}
    services: Mapping[ServiceKey, Service | None] = {}
    policies: Mapping[PolicyKey, Authorization | None] = {}
    objects: Mapping[Ref, Tree | None] = {}


class Index:
    """All records at one moment, and ways to find them. Iteration is always in the order of keys."""

    def __init__(self) -> None:
        self._workloads: dict[WorkloadUid, Workload] = {}
        self._services: dict[ServiceKey, Service] = {}
        self._policies: dict[PolicyKey, Authorization] = {}
        self._by_address: Groups[str, WorkloadUid] = Groups()
        self._by_node: Groups[str, WorkloadUid] = Groups()
        self._by_service: Groups[ServiceKey, WorkloadUid] = Groups()
        self._by_vip: Groups[str, ServiceKey] = Groups()
        self._networks: Groups[str, ServiceKey] = Groups()
        self._led: Groups[str, ServiceKey] = Groups()
        self._led_addresses: tuple[str, ...] | None = None
        self._by_host: Groups[str, ServiceKey] = Groups()
        self._by_scope: Groups[str, PolicyKey] = Groups()
        self._by_listed: Groups[PolicyKey, WorkloadUid] = Groups()
        self._by_namespace: Groups[str, WorkloadUid] = Groups()
        self.live = Live()
        self.departed = Departed()

    @classmethod
    def of(cls, records: Records) -> "Index":
        """An index of these records."""
        index = cls()
        index.apply(Changes(records.workloads, records.services, records.policies))
        return index

    @property
    def workloads(self) -> Mapping[WorkloadUid, Workload]:
        """By key."""
        return self._workloads

    @property
    def services(self) -> Mapping[ServiceKey, Service]:
        """By key."""
        return self._services

    @property
    def policies(self) -> Mapping[PolicyKey, Authorization]:
        """By key."""
        return self._policies

    def records(self) -> Records:
        """Everything, as it is now."""
        return Records(dict(self._workloads), dict(self._services), dict(self._policies))

    def mesh(self) -> MeshIndex:
        """What the configuration means, without pods."""
        return self.live.mesh()

    def nodes(self) -> Iterator[str]:
        """Nodes that have workloads."""
        return (node for node in self._by_node if node)

    def on_node(self, node: str) -> Iterator[Workload]:
        """The workloads of a node."""
        return map(self._workloads.__getitem__, self._by_node.of(node))

    def in_namespace(self, namespace: str) -> Iterator[Workload]:
        """The workloads of a namespace."""
        return map(self._workloads.__getitem__, self._by_namespace.of(namespace))

    def listing(self, policy: PolicyKey) -> Iterator[Workload]:
        """The workloads that list a policy."""
        return map(self._workloads.__getitem__, self._by_listed.of(policy))

    def endpoints(self, service: ServiceKey) -> Iterator[Workload]:
        """The workloads that serve a service, healthy or not."""
        return map(self._workloads.__getitem__, self._by_service.of(service))

    def workload_at(self, address: str) -> Workload | None:
        """Who has an address: a pod in the mesh, then a pod, then others in the mesh, then the last by key.

        Those that share their node's address are not found by it.
        """
        found = [self._workloads[uid] for uid in self._by_address.of(address)]
        return max((each for each in found if not each.host_network), key=_rank, default=None)

    @property
    def led_addresses(self) -> tuple[str, ...]:
        """Addresses and networks of ServiceEntries that lead elsewhere (`records.led`), in order."""
        if self._led_addresses is None:
            self._led_addresses = tuple(sorted(self._led))
        return self._led_addresses

    def service_at(self, address: str, namespace: str = "") -> Service | None:
        """The service with this virtual address, or network, as a client of a namespace sees it.

        Its own address first, then networks: the client's namespace, the longest, Kubernetes' own.
        """
        exact = [self._services[key] for key in self._by_vip.of(address)]
        if exact or "/" in address:
            return _preferred(exact, namespace) if exact else None
        within = (
            (each.namespace == namespace, network.prefixlen, each.canonical, each)
            for network in map(_network, self._networks)
            if ip_address(address) in network
            for each in map(self._services.__getitem__, self._by_vip.of(str(network)))
        )
        return max(within, key=lambda found: found[:3], default=(False, 0, False, None))[3]

    def service_named(self, hostname: str, namespace: str = "") -> Service | None:
        """The service of a full host name, as a client of a namespace sees it."""
        found = [self._services[key] for key in self._by_host.of(hostname)]
        return _preferred(found, namespace) if found else None

    def authorizations(self, workload: Workload) -> Iterator[Authorization]:
        """What is enforced on a workload: of the whole mesh, of its namespace, then what it lists and what exists."""
        for key in (*self._by_scope.of(""), *self._by_scope.of(workload.namespace)):
            yield self._policies[key]
        for key in workload.policies:
            listed = self._policies.get(key)
            if listed is not None and listed.scope is Scope.WORKLOAD_SELECTOR:
                yield listed

    def apply(self, changes: Changes) -> Dirty:
        """Take new records in; what equals the old is no change."""
        workloads = {uid: new for uid, new in changes.workloads.items() if new != self._workloads.get(uid)}
        services = {key: new for key, new in changes.services.items() if new != self._services.get(key)}
        policies = {key: new for key, new in changes.policies.items() if new != self._policies.get(key)}
        configuration = self.live.put(changes.objects)
        before = self._touched(workloads, services, policies)
        led_before = self._led_by(services)
        for uid, workload in workloads.items():
            self._put_workload(uid, workload)
        for service_key, service in services.items():
            self._put_service(service_key, service)
        for policy_key, policy in policies.items():
            self._put_policy(policy_key, policy)
        after = self._touched(workloads, services, policies)
        moved = led_before ^ self._led_by(services)
        if moved:
            self._led_addresses = None
        return _union(_union(before, after), Dirty(configuration=configuration, led=moved))

    def _put_workload(self, uid: WorkloadUid, new: Workload | None) -> None:
        old = _exchange(self._workloads, uid, new)
        if old is not None and new is None:
            self.departed.keep(old)
        self._by_address.move(uid, old.addresses if old else (), new.addresses if new else ())
        self._by_node.move(uid, (old.node,) if old else (), (new.node,) if new else ())
        self._by_service.move(uid, old.services if old else (), new.services if new else ())
        self._by_listed.move(uid, old.policies if old else (), new.policies if new else ())
        self._by_namespace.move(uid, (old.namespace,) if old else (), (new.namespace,) if new else ())

    def _put_service(self, key: ServiceKey, new: Service | None) -> None:
        old = _exchange(self._services, key, new)
        self._by_vip.move(key, old.vips if old else (), new.vips if new else ())
        self._networks.move(key, _wide(old), _wide(new))
        self._led.move(key, led(old) if old else (), led(new) if new else ())
        self._by_host.move(key, (old.hostname,) if old else (), (new.hostname,) if new else ())

    def _put_policy(self, key: PolicyKey, new: Authorization | None) -> None:
        old = _exchange(self._policies, key, new)
        self._by_scope.move(key, _scope(old), _scope(new))

    def _led_by(self, services: Iterable[ServiceKey]) -> frozenset[str]:
        """Addresses that these lead elsewhere, as they are now."""
        return frozenset(each for key in services if key in self._services for each in led(self._services[key]))

    def _sharing(self, pods: Iterable[Workload]) -> Iterator[Workload]:
        """Workloads, and those by other names at their addresses: what is known of one counts for them too."""
        for pod in pods:
            yield pod
            for address in pod.addresses:
                yield from (self._workloads[uid] for uid in self._by_address.of(address) if uid != pod.uid)

    def _touched(
        self, workloads: Iterable[WorkloadUid], services: Iterable[ServiceKey], policies: Iterable[PolicyKey]
    ) -> Dirty:
        """What these records have to do with, as they are now."""
        pods = [self._workloads[uid] for uid in workloads if uid in self._workloads]
        served = [self._services[key] for key in services if key in self._services]
        return Dirty(
            frozenset(workloads),
            frozenset(services),
            frozenset(policies),
            frozenset(key for each in self._sharing(pods) for key in each.services),
            frozenset(address for each in pods for address in each.addresses)
            | frozenset(vip for each in served for vip in each.vips),
            frozenset(each.node for each in pods if each.node),
            frozenset(space for key in policies for space in _scope(self._policies.get(key))),
        )


def _exchange(held: dict[_K, _V], key: _K, new: _V | None) -> _V | None:
    old = held.pop(key, None)
    if new is not None:
        held[key] = new
    return old


def _wide(service: Service | None) -> tuple[str, ...]:
    return tuple(vip for vip in service.vips if "/" in vip) if service else ()


@lru_cache(maxsize=1024)
def _network(text: str) -> IPv4Network | IPv6Network:
    return ip_network(text)


def _rank(workload: Workload) -> tuple[int, str]:
    meshed = workload.tunnel is Tunnel.HBONE
    pod = _POD in workload.uid
    return (2 + meshed if pod else int(meshed), workload.uid)


def _preferred(found: list[Service], namespace: str) -> Service:
    return max(found, key=lambda each: (each.namespace == namespace, each.canonical))


def _scope(policy: Authorization | None) -> tuple[str, ...]:
    """The namespace to all of whose workloads it applies; empty for the whole mesh, none for one that is listed."""
    if policy is None or policy.scope is Scope.WORKLOAD_SELECTOR:
        return ()
    return ("",) if policy.scope is Scope.GLOBAL else (policy.namespace,)


def _union(one: Dirty, other: Dirty) -> Dirty:
    return Dirty(*(getattr(one, field) | getattr(other, field) for field in Dirty.__struct_fields__))
