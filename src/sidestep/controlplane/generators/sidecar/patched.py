"""What a pod's proxy is told, with the code and the EnvoyFilters that select it: of each direction by itself, as Istio
does, and code before EnvoyFilters.
"""

from collections.abc import Iterable, Iterator

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.core.v3.base_pb2 import TrafficDirection
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from google.protobuf.message import Message

from sidestep.controlplane.generators import CLUSTER, LISTENER
from sidestep.controlplane.generators.http import modules, patches
from sidestep.controlplane.generators.http.remarks import Remark
from sidestep.controlplane.generators.sidecar.pod import Pod
from sidestep.controlplane.records import ProxyRole
from sidestep.semantics.envoy_filters import Context, Patch
from sidestep.semantics.envoy_filters import patches as selected
from sidestep.semantics.modules import Module
from sidestep.semantics.modules import modules as chosen

Told = tuple[str, str, Message]
"""Type, name and message of a resource."""
_INBOUND = ("inbound|", "tunnelled|", "InboundPassthroughCluster")


def patched(pod: Pod, told: Iterable[Told], remarks: list[Remark]) -> Iterator[Told]:
    """Resources with their patches.

    Args:
        pod: whose proxy it is.
        told: what it is told without them.
        remarks: what is not carried out goes there.
    """
    found, running = _selected(pod), _running(pod)
    if not found and not running:
        yield from told
        return
    remarks += [*modules.remarks(running), *patches.remarks(found)]
    clusters: dict[Context, list[Cluster]] = {each: [] for each in _contexts(pod)}
    for type_url, name, message in told:
        context = _context(pod, name, message)
        if context is None:
            yield type_url, name, message
        elif isinstance(message, Cluster):
            clusters[context].append(message)
        else:
            yield from ((type_url, name, made) for made in _made(message, running, found, context))
    for context, own in clusters.items():
        yield from ((CLUSTER, each.name, each) for each in patches.patch_clusters(own, found, context))


def patching(pod: Pod) -> dict[str, tuple[str, ...]]:
    """Which code and patches may change resources of each type, by object and field."""
    running = tuple(str(each.object) for each in _running(pod))
    found: dict[str, tuple[str, ...]] = {LISTENER: running} if running else {}
    for each in _selected(pod):
        kind = patches.changes(each)
        found[kind] = (*found.get(kind, ()), f"{each.object}: {each.place}")
    return found


def _selected(pod: Pod) -> tuple[Patch, ...]:
    return selected(pod.mesh.mesh, pod.mesh.settings.root_namespace, pod.client.namespace, pod.client.labels)


def _running(pod: Pod) -> tuple[Module, ...]:
    return chosen(pod.mesh.mesh, pod.mesh.settings.root_namespace, pod.client.namespace, pod.client.labels)


def _made(
    message: Message, running: tuple[Module, ...], found: tuple[Patch, ...], context: Context
) -> Iterator[Message]:
    made: Message | None = message
    if isinstance(message, Listener):
        made = patches.patch_listener(modules.with_modules(message, running, context), found, context)
    elif isinstance(message, RouteConfiguration):
        made = patches.patch_routes(message, found, context)
    if made is not None:
        yield made


def _contexts(pod: Pod) -> tuple[Context, ...]:
    gateway = pod.workload.proxy is ProxyRole.GATEWAY
    return (Context.GATEWAY,) if gateway else (Context.INBOUND, Context.OUTBOUND)


def _context(pod: Pod, name: str, message: Message) -> Context | None:
    """Which traffic a resource is about; None for what Istio's users know nothing of."""
    if isinstance(message, Listener):
        if message.traffic_direction == TrafficDirection.UNSPECIFIED:
            return None
        inbound = message.traffic_direction == TrafficDirection.INBOUND
    elif isinstance(message, RouteConfiguration | Cluster):
        inbound = name.startswith(_INBOUND)
    else:
        return None
    if pod.workload.proxy is ProxyRole.GATEWAY:
        return Context.GATEWAY
    return Context.INBOUND if inbound else Context.OUTBOUND
