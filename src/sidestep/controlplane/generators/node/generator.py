"""What node proxies are told: units per pod, and destinations on demand."""

from collections.abc import Iterable, Iterator

from sidestep.controlplane.generators import CLUSTER, ENDPOINTS, LISTENER, ROUTES, Resource, Unit
from sidestep.controlplane.generators.node.clusters import shared
from sidestep.controlplane.generators.node.destinations import resource, vacant
from sidestep.controlplane.generators.node.inbound_hbone import inbound_hbone, routes
from sidestep.controlplane.generators.node.inbound_plain import inbound_plain
from sidestep.controlplane.generators.node.outbound import Further, further, outbound
from sidestep.controlplane.generators.node.relay import relay
from sidestep.controlplane.generators.node.settings import Settings
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import Dirty, Workload, WorkloadUid

_SHARED = Unit("shared")
_POD = "pod/"


class NodeGenerator:
    """What node proxies are told.

    Args:
        settings: of all of them.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def units(self, index: Index, dirty: Dirty | None) -> Iterable[Unit]:
        """One per pod, and one for what all share."""
        if dirty is None:
            yield _SHARED
            yield from map(_unit, index.workloads)
            return
        elsewhere = further(tuple(sorted(dirty.led)), self._settings) != Further()
        yield from map(_unit, sorted(_touched(index, dirty, everybody=elsewhere)))

    def resources(self, index: Index, unit: Unit) -> Iterable[Resource]:
        """What listens in a pod, and what all pods share."""
        if unit == _SHARED:
            yield from self._shared()
            return
        workload = index.workloads.get(WorkloadUid(unit.removeprefix(_POD)))
        if workload is not None and workload.netns:
            yield from self._pod(index, workload)

    def on_demand(self, index: Index, type_url: str, name: str, proxy: str) -> Resource | None:
        """A destination."""
        if type_url not in (CLUSTER, ENDPOINTS):
            return None
        return resource(index, self._settings, type_url, name, proxy)

    def group(self, _index: Index, _proxy: str) -> str:
        """Each has its own."""
        return ""

    def vacated(self, type_url: str, name: str, proxy: str) -> Resource | None:
        """A destination that leads nowhere: its cluster may still have connections."""
        return vacant(self._settings, name, proxy) if type_url == CLUSTER else None

    def _shared(self) -> Iterator[Resource]:
        for cluster in shared(self._settings):
            yield Resource(CLUSTER, cluster.name, cluster)
        listener = relay(self._settings)
        yield Resource(LISTENER, listener.name, listener)

    def _pod(self, index: Index, workload: Workload) -> Iterator[Resource]:
        enforced, of = list(index.authorizations(workload)), (f"Pod {workload.namespace}/{workload.name}",)
        listeners = (
            outbound(workload, self._settings, further(index.led_addresses, self._settings)),
            inbound_plain(workload, enforced, self._settings),
            inbound_hbone(workload, self._settings),
        )
        for listener in listeners:
            yield Resource(LISTENER, listener.name, listener, workload.node, of=of)
        allowed = routes(workload, enforced)
        yield Resource(ROUTES, allowed.name, allowed, workload.node, of=of)


def _unit(uid: WorkloadUid) -> Unit:
    return Unit(_POD + uid)


def _touched(index: Index, dirty: Dirty, *, everybody: bool) -> set[WorkloadUid]:
    """Pods whose own record or whose policies changed; or everybody who is captured."""
    listing = (each.uid for policy in dirty.policies for each in index.listing(policy) if each.netns)
    spaces = dirty.policy_namespaces
    everywhere = index.workloads.values() if everybody or "" in spaces else ()
    within = [each for space in spaces if space for each in index.in_namespace(space)]
    return {*dirty.workloads, *listing, *(each.uid for each in (*everywhere, *within) if each.netns)}
