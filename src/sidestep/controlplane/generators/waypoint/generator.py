"""What waypoints are told: parts of a plan, of which a change makes again only what differs."""

from collections.abc import Iterable, Iterator, Mapping
from typing import assert_never

from msgspec.structs import replace

from sidestep.controlplane.generators import (
    CLUSTER,
    ENDPOINTS,
    EXTENSION,
    LISTENER,
    ROUTES,
    SCOPED_ROUTES,
    Resource,
    Unit,
)
from sidestep.controlplane.generators.http.authorization import JWT_FILTER
from sidestep.controlplane.generators.http.clusters import cluster
from sidestep.controlplane.generators.http.destinations import Destination, Dialler, Discovery
from sidestep.controlplane.generators.http.endpoints import assignment
from sidestep.controlplane.generators.http.localities import Nearness
from sidestep.controlplane.generators.http.remarks import Fields, Remark
from sidestep.controlplane.generators.http.tokens import authentication
from sidestep.controlplane.generators.http.upstreams import outside_cluster
from sidestep.controlplane.generators.node.messages import extension
from sidestep.controlplane.generators.waypoint import clusters, routes
from sidestep.controlplane.generators.waypoint.listeners import listeners, views
from sidestep.controlplane.generators.waypoint.origins import origins, untold
from sidestep.controlplane.generators.waypoint.plan import (
    Asked,
    Authorities,
    Part,
    Plan,
    Requests,
    Row,
    Standing,
    Streams,
    Tokens,
    View,
)
from sidestep.controlplane.generators.waypoint.served import group_of, replicas, services, waypoints
from sidestep.controlplane.generators.waypoint.settings import Settings
from sidestep.controlplane.generators.waypoint.touched import touched
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import Dirty, Preference, ProxyRole, Workload
from sidestep.model.kinds import GATEWAY
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.proxies import GATEWAY_NAME
from sidestep.semantics.routing.hosts import is_wildcard


class WaypointGenerator:
    """Everything about waypoints.

    Args:
        settings: of all of them.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings or Settings()
        self._plans: dict[str, Plan] = {}
        self._mesh: MeshIndex | None = None
        self._identities: dict[str, str] = {}
        self.remarks: dict[Unit, tuple[Remark, ...]] = {}
        """What of an object a waypoint cannot be told."""

    def group(self, index: Index, proxy: str) -> str:
        """The replicas of a Gateway."""
        namespace, _, name = proxy.partition("/")
        for each in index.in_namespace(namespace):
            if each.name == name and each.proxy is ProxyRole.WAYPOINT:
                return group_of(namespace, each.labels.get(GATEWAY_NAME, ""))
        return ""

    def units(self, index: Index, dirty: Dirty | None) -> Iterable[Unit]:
        """Parts that differ from before, and clusters whose endpoints changed."""
        if not (self._plans or index.live.has(GATEWAY)):
            return ()
        found: dict[Unit, None] = {}
        if dirty is None or dirty.configuration or dirty.services or _rebound(index, dirty):
            found.update(dict.fromkeys(self._planned(index, self._about(index, dirty))))
        if dirty is not None and (dirty.endpoints or dirty.workloads):
            found.update(dict.fromkeys(self._served(index, dirty)))
        return found

    def resources(self, index: Index, unit: Unit) -> Iterable[Resource]:
        """What a part becomes."""
        group, _, name = unit.partition("|")
        plan = self._plans.get(group)
        part = plan.parts.get(name) if plan is not None else None
        self.remarks.pop(unit, None)
        if part is not None:
            of = origins(part)
            self.remarks[unit] = untold(part)
            for resource in self._made(index, group, name, part):
                yield replace(resource, proxy=resource.proxy or group, of=of)

    def on_demand(self, _index: Index, _type_url: str, _name: str, _proxy: str) -> Resource | None:
        """Nothing: everything that is served is told."""
        return None

    def vacated(self, _type_url: str, _name: str, _proxy: str) -> Resource | None:
        """Nothing was there."""
        return None

    def _planned(self, index: Index, about: frozenset[str] | None) -> Iterator[Unit]:
        """Parts that are other than before, of a change that concerns some hosts, or any."""
        mesh = index.mesh()
        bound, domain = services(mesh), self._settings.trust_domain
        after: dict[str, Plan] = {}
        for waypoint in waypoints(mesh):
            group = waypoint.group
            self._identities[group] = waypoint.identity(domain)
            kept = self._kept(group, about)
            after[group] = Plan(index, waypoint, bound.get(group, ()), self._identities[group], kept)
        earlier, self._plans, self._mesh = self._plans, after, mesh
        for group in sorted(earlier.keys() | after.keys()):
            old = earlier[group].parts if group in earlier else {}
            new = after[group].parts if group in after else {}
            if group in after:
                new |= {name: part for name, part in old.items() if name not in new and _stays(part)}
            yield from (Unit(f"{group}|{name}") for name in new if old.get(name) != new[name])
            yield from (Unit(f"{group}|{name}") for name in old if name not in new)

    def _kept(self, group: str, about: frozenset[str] | None) -> Mapping[str, Row]:
        """What services contributed before and still do."""
        plan = self._plans.get(group)
        if plan is None or about is None:
            return {}
        return {host: row for host, row in plan.rows.items() if host not in about and not is_wildcard(host)}

    def _about(self, index: Index, dirty: Dirty | None) -> frozenset[str] | None:
        """Hosts that a change concerns; None for any."""
        if dirty is None or dirty.services or self._mesh is None:
            return None
        return touched(dirty.configuration, self._mesh, index.mesh())

    def _served(self, index: Index, dirty: Dirty) -> Iterator[Unit]:
        """Clusters whose endpoints changed; and all of a waypoint whose pods did, as those look from where they are."""
        moved = {self.group(index, f"{each.namespace}/{each.name}") for each in _of(index, dirty)}
        for group, plan in self._plans.items():
            for name, part in plan.parts.items():
                if isinstance(part, Destination) and (part.service in dirty.endpoints or group in moved):
                    yield Unit(f"{group}|{name}")

    def _made(self, index: Index, group: str, name: str, part: Part) -> Iterator[Resource]:
        match part:
            case Standing():
                yield from (Resource(LISTENER, each.name, each) for each in listeners(part, self._settings))
                yield from (Resource(CLUSTER, each.name, each) for each in clusters.clusters(self._dialler(group)))
            case View():
                yield from (
                    Resource(LISTENER, each.name, each) for each in views(part.standing, self._settings, part.name)
                )
                yield from (Resource(CLUSTER, each.name, each) for each in clusters.views(part.name))
            case Authorities():
                told = routes.authorities(part)
                yield Resource(ROUTES, told.name, told)
            case Streams():
                told = routes.streams(part)
                yield Resource(ROUTES, told.name, told)
            case Requests():
                for chain in routes.chains(name, part):
                    yield Resource(SCOPED_ROUTES, chain, routes.requests(chain, part))
            case Tokens():
                known = extension(JWT_FILTER, authentication(part.hosts, dict(part.asked).__getitem__))
                yield Resource(EXTENSION, JWT_FILTER, known)
            case Asked():
                made = outside_cluster(part.upstream, self._settings.resolvers)
                yield Resource(CLUSTER, made.name, made)
            case Destination():
                yield from self._destination(index, group, part)
            case _:
                assert_never(part)

    def _destination(self, index: Index, group: str, to: Destination) -> Iterator[Resource]:
        remarks: list[Remark] = []
        yield Resource(CLUSTER, to.name, cluster(to, self._dialler(group), remarks))
        self.remarks[Unit(f"{group}|cluster/{to.name}")] = tuple(remarks)
        if to.discovery is not Discovery.RECORDS:
            return
        if not _looks_near(index, to):
            told = assignment(index, to, self._dialler(group), _never)
            yield Resource(ENDPOINTS, to.name, told, asked=True)
            return
        _, namespace, gateway = group.split("/")
        for pod in replicas(index, namespace, gateway):
            told = assignment(index, to, self._dialler(group, pod), _never)
            yield Resource(ENDPOINTS, to.name, told, f"{pod.namespace}/{pod.name}", asked=True)

    def _dialler(self, group: str, pod: Workload | None = None) -> Dialler:
        found = Dialler(
            self._identities[group],
            trust_domains=self._settings.trust_domains,
            mutual=False,
            resolvers=self._settings.resolvers,
            system_roots=self._settings.system_roots,
        )
        return found if pod is None else replace(found, locality=pod.locality, node=pod.node, labels=pod.labels)


def _stays(part: Part) -> bool:
    """Whether a part stays when nothing leads there any more.

    Clusters do, as Envoy (1.40) does not survive that one is taken away while a connection of it is open; and so does
    how requests are judged and routed, for who came by a tunnel that is still open. Where tokens are asked for, what is
    known of them goes with the service: such a tunnel is answered with 404.
    """
    return isinstance(part, Destination | Asked | View) or (isinstance(part, Requests) and not part.enforced.tokens)


def _looks_near(index: Index, to: Destination) -> bool:
    """Whether it counts where the waypoint's pod runs."""
    service = index.services.get(to.service)
    strict = service is not None and service.mode is Preference.STRICT
    return strict or Nearness(to, Fields(to.settings, to.of, "trafficPolicy", []), service).counts


def _never(_workload: Workload, _port: int) -> bool:
    """A waypoint sends no mutual TLS of sidecars."""
    return False


def _of(index: Index, dirty: Dirty) -> Iterator[Workload]:
    """Waypoints' pods that changed."""
    for uid in dirty.workloads:
        found = index.workloads.get(uid)
        if found is not None and found.proxy is ProxyRole.WAYPOINT:
            yield found


def _rebound(index: Index, dirty: Dirty) -> bool:
    """Whether pods changed that may be bound to a waypoint themselves, or by whose labels one judges.

    One that is gone may have been.
    """
    found = [index.workloads.get(uid) for uid in dirty.workloads]
    if any(each is None or each.waypoint is not None for each in found):
        return True
    own = any(each is not None and each.proxy is ProxyRole.WAYPOINT for each in found)
    return own and index.mesh().settings.layered
