"""What sidecars are told: a unit for each pod with everything but endpoints, which are made for who asks."""

from collections.abc import Iterable, Iterator

from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from google.protobuf.message import Message

from sidestep.controlplane.generators import (
    CLUSTER,
    ENDPOINTS,
    EXTENSION,
    LISTENER,
    ROUTES,
    Resource,
    Unit,
    about_configuration,
    about_endpoints,
    about_service,
)
from sidestep.controlplane.generators.http.authorization import JWT_FILTER
from sidestep.controlplane.generators.http.destinations import Destination
from sidestep.controlplane.generators.http.endpoints import assignment, identities
from sidestep.controlplane.generators.http.hbone import tunnels
from sidestep.controlplane.generators.http.remarks import Remark
from sidestep.controlplane.generators.http.tokens import authentication
from sidestep.controlplane.generators.node.messages import extension
from sidestep.controlplane.generators.sidecar import inbound, inbound_clusters, inbound_hbone, outbound, service_ports
from sidestep.controlplane.generators.sidecar.alike import Alike, Kin, kin_of
from sidestep.controlplane.generators.sidecar.patched import patched, patching
from sidestep.controlplane.generators.sidecar.pod import Pod
from sidestep.controlplane.generators.sidecar.settings import Settings
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import Dirty, ProxyRole, ServiceKey, Workload, WorkloadUid, proxy_name
from sidestep.controlplane.registry.objects import SECRETS, Ref
from sidestep.model import kinds
from sidestep.semantics.index import MeshIndex

_POD = "pod/"
_EVERYWHERE = ""
_NEAR = frozenset(
    {
        each.key
        for each in (
            kinds.AUTHORIZATION_POLICY,
            kinds.PEER_AUTHENTICATION,
            kinds.REQUEST_AUTHENTICATION,
            kinds.TELEMETRY,
            kinds.ENVOY_FILTER,
            kinds.WASM_PLUGIN,
            kinds.TRAFFIC_EXTENSION,
            kinds.SIDECAR,
            kinds.ENDPOINT_SLICE,
        )
    }
)
"""Kinds that count for pods of their own namespace alone, but in the root namespace for all. That endpoints take mutual
TLS hangs on PeerAuthentications, too: endpoints are made for who asks, and again as soon as anything changed."""


class PodGenerator:
    """What proxies in pods are told, whatever they are for.

    Args:
        settings: of all of them.
    """

    role: ProxyRole

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        self._destinations: dict[str, dict[str, Destination]] = {}
        self._known: dict[ServiceKey, tuple[str, ...]] = {}
        self._alike: dict[Kin, Alike] = {}
        self._mesh: MeshIndex | None = None
        self.remarks: dict[Unit, list[Remark]] = {}
        """Fields that proxies were not told of, by unit."""

    def told(self, pod: Pod, alike: Alike, remarks: list[Remark]) -> Iterator[tuple[str, str, Message]]:
        """All that is of this role alone, each with its type and name; what cannot be told goes to the remarks."""
        raise NotImplementedError

    def group(self, _index: Index, _proxy: str) -> str:
        """Each has its own."""
        return ""

    def units(self, index: Index, dirty: Dirty | None) -> Iterable[Unit]:
        """All where it changed what is reached, those of a namespace where its policies did, and pods that did."""
        self._alike.clear()
        if dirty is None:
            return [_unit(each.uid) for each in self._pods(index)]
        touched = {_unit(uid) for uid in dirty.workloads if self._concerns(index, uid)}
        spaces = _spaces(index, dirty.configuration)
        everybody = _EVERYWHERE in spaces or bool(dirty.services) or self._others(index, dirty.endpoints)
        touched |= {_unit(each.uid) for each in self._pods(index) if everybody or each.namespace in spaces}
        return sorted(touched)

    def resources(self, index: Index, unit: Unit) -> Iterable[Resource]:
        """Everything of a pod."""
        self.remarks.pop(unit, None)
        workload = index.workloads.get(WorkloadUid(unit.removeprefix(_POD)))
        if workload is None or workload.proxy is not self.role:
            return
        instances = index.live.instances(workload.namespace, workload.name)
        if instances is None:
            return
        pod = Pod(index, workload, instances, self._settings)
        remarks = self.remarks[unit] = []
        of = patching(pod)
        for type_url, name, message in patched(pod, self._whole(pod, remarks), remarks):
            yield Resource(type_url, name, message, pod.name, of=of.get(type_url, ()))

    def on_demand(self, index: Index, type_url: str, name: str, proxy: str) -> Resource | None:
        """Endpoints of a cluster, as a pod's proxy sees them."""
        if type_url != ENDPOINTS:
            return None
        to = self._destinations.get(proxy, {}).get(name)
        pod = self._pod(index, proxy)
        if to is None or pod is None:
            return self.vacated(type_url, name, proxy)
        found = assignment(index, to, pod.dialler, pod.takes_mutual)
        about = {about_service(to.service), about_endpoints(to.service), about_configuration()}
        waypoint = index.services[to.service].waypoint if to.service in index.services else None
        if waypoint is not None:
            about |= {about_service(waypoint.service), about_endpoints(waypoint.service)}
        return Resource(ENDPOINTS, name, found, proxy, frozenset(about), asked=True)

    def vacated(self, type_url: str, name: str, proxy: str) -> Resource | None:
        """Nobody is behind what is no more."""
        if type_url != ENDPOINTS:
            return None
        nobody = ClusterLoadAssignment(cluster_name=name)
        return Resource(ENDPOINTS, name, nobody, proxy, frozenset({about_configuration()}), asked=True)

    def _whole(self, pod: Pod, remarks: list[Remark]) -> Iterator[tuple[str, str, Message]]:
        """What is of the role, and the clusters to which that leads."""
        alike = self._kin(pod)
        yield from list(self.told(pod, alike, remarks))
        self._destinations[pod.name] = alike.reached.destinations
        yield from ((CLUSTER, each.name, each) for each in alike.clusters(pod, remarks))

    def _kin(self, pod: Pod) -> Alike:
        """What is shared with replicas; nothing where EnvoyFilters may change it for each."""
        if pod.mesh.mesh.of(kinds.ENVOY_FILTER):
            return Alike(pod)
        if pod.mesh is not self._mesh:
            self._alike.clear()
            self._mesh = pod.mesh
        kin = kin_of(pod)
        if kin not in self._alike:
            self._alike[kin] = Alike(pod)
        return self._alike[kin]

    def _pod(self, index: Index, proxy: str) -> Pod | None:
        namespace, _, name = proxy.partition("/")
        instances = index.live.instances(namespace, name)
        workload = next((each for each in index.in_namespace(namespace) if proxy_name(each) == proxy), None)
        return Pod(index, workload, instances, self._settings) if instances and workload else None

    def _concerns(self, index: Index, uid: WorkloadUid) -> bool:
        workload = index.workloads.get(uid)
        return workload is None or workload.proxy is self.role

    def _others(self, index: Index, services: Iterable[ServiceKey]) -> bool:
        """Whether others may be behind a service than were, or at other addresses where each is known by its own."""
        changed = False
        for key in services:
            record = index.services.get(key)
            now = identities(index, record) if record is not None else ()
            if record is not None and not record.vips:
                now += tuple(address for each in index.endpoints(key) for address in each.addresses)
            changed = changed or self._known.get(key) != now
            self._known[key] = now
        return changed

    def _pods(self, index: Index) -> list[Workload]:
        return [each for each in index.workloads.values() if each.proxy is self.role]


class SidecarGenerator(PodGenerator):
    """What sidecars are told."""

    role = ProxyRole.SIDECAR

    def told(self, pod: Pod, alike: Alike, remarks: list[Remark]) -> Iterator[tuple[str, str, Message]]:
        """Listeners, routes, and the clusters that lead to the application."""
        found, reached = inbound.ports(pod), alike.reached
        remarks += inbound.left_out(pod)
        outward, configured = alike.outward(pod)
        listeners = [
            inbound.listener(pod, found, reached.asked),
            *outward,
            *service_ports.listeners(),
            tunnels(),
        ]
        read = list(found)
        if inbound_hbone.takes(pod):
            listeners += inbound_hbone.listeners(pod, found, reached.asked)
            read += inbound_hbone.ports(found)
        told = [*(inbound.routes(pod, each) for each in read), *configured]
        known = authentication([pod.mesh.sidecar_request_policies(pod.instances)], reached.asked)
        yield EXTENSION, JWT_FILTER, extension(JWT_FILTER, known)
        clusters = (*inbound_clusters.clusters(found, remarks), *inbound_hbone.clusters(), *outbound.clusters())
        yield from ((CLUSTER, each.name, each) for each in clusters)
        yield from ((LISTENER, each.name, each) for each in listeners)
        yield from ((ROUTES, each.name, each) for each in told)


def _spaces(index: Index, changed: Iterable[Ref]) -> set[str]:
    """Where pods are told something else after objects changed; what Secrets hold is told to who asks for it."""
    if not changed:
        return set()
    root = index.mesh().settings.root_namespace
    near = (each for each in changed if each.kind != SECRETS)
    return {each.namespace if each.kind in _NEAR and each.namespace != root else _EVERYWHERE for each in near}


def _unit(uid: WorkloadUid) -> Unit:
    return Unit(_POD + uid)
