"""What a mesh does with one request: the function that everything which judges is checked against.

Source: istio-semantics.md §3.11. `decide` is pure: the mesh and the request are all it knows.
"""

from msgspec.structs import replace

from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.decisions import Branch, Decision, decision
from sidestep.semantics.hops.clients import from_gateway, from_plain, from_sidecar, from_ztunnel
from sidestep.semantics.hops.nowhere import nowhere
from sidestep.semantics.hops.server import probed, to_itself
from sidestep.semantics.hops.targets import Pods, Target, dialled_address, resolve
from sidestep.semantics.hops.traveller import Sender, Traveller
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.requests import (
    GatewayClient,
    Http,
    KubeletClient,
    NodeClient,
    OutsideClient,
    Request,
    SomebodyClient,
    WorkloadClient,
)
from sidestep.semantics.routing.hosts import is_address
from sidestep.semantics.service_index import Service
from sidestep.semantics.somebody import pods_of


def decide(index: MeshIndex, request: Request) -> Decision:
    """The path, every enforcement point and the verdict.

    Nothing is guessed: what was not read, is malformed or is not modelled makes the verdict unknown, with the reason.
    """
    return decision(tuple(_branches(index, request)), index.assumptions)


def _branches(index: MeshIndex, request: Request) -> list[Branch]:
    http = request.payload if isinstance(request.payload, Http) else None
    match request.client:
        case WorkloadClient(ref=ref, group=group):
            found = _pods(index, ref, group)
            if found is None:
                sender = Sender(str(ref))
                return [
                    Traveller(index, request, sender, http=http).unknown(str(ref), f"{ref} has no pods to call from")
                ]
            return _from_one(index, request, http, found)
        case SomebodyClient() as somebody:
            return _from_one(index, request, http, pods_of(somebody))
        case GatewayClient(namespace=namespace, name=name):
            return _from_gateway(index, request, namespace, name, http)
        case NodeClient(address=address):
            sender = Sender(f"a process on node {address}".rstrip(), address=address)
            return _from_node(Traveller(index, request, sender, http=http))
        case OutsideClient(address=address):
            sender = Sender(f"outside {address}".rstrip(), address=address)
            return _from_plain(Traveller(index, request, sender, http=http))
        case KubeletClient():
            return _from_kubelet(Traveller(index, request, Sender("the kubelet", local=True), http=http))


def _from_one(index: MeshIndex, request: Request, http: Http | None, client: Instances) -> list[Branch]:
    target = resolve(index, request.to, client.namespace)
    dialled = dialled_address(request.to, target)
    traveller = Traveller(index, request, _sender(index, client, dialled), http=http, dialled=dialled)
    return _from_pods(traveller, client, target)


def _pods(index: MeshIndex, ref: WorkloadRef, group: int) -> Instances | None:
    for each in index.workloads.get(ref, ()):
        if each.place == group:
            return each
    return None


def _from_plain(traveller: Traveller) -> list[Branch]:
    request = traveller.request
    target = resolve(traveller.index, request.to, "")
    lost = nowhere(traveller, target)
    if lost is not None:
        return [lost]
    return from_plain(replace(traveller, dialled=dialled_address(request.to, target)), target, request.port)


def _from_node(traveller: Traveller) -> list[Branch]:
    """From the pod's own node ztunnel is passed by; which node it is, nobody knows before a pod is chosen."""
    elsewhere = _from_plain(traveller)
    local = _from_plain(replace(traveller, sender=replace(traveller.sender, local=True)))
    if [branch.path for branch in local] == [branch.path for branch in elsewhere]:
        return elsewhere
    return [
        *(replace(branch, condition=f"from another node, at {branch.path[-1].at}") for branch in elsewhere),
        *(
            replace(branch, condition=f"from the pod's own node, at {branch.path[-1].at}", weight=0.0)
            for branch in local
        ),
    ]


def _from_kubelet(traveller: Traveller) -> list[Branch]:
    """Its probes: of each kind of pods behind a name one, without a Service between."""
    index, to = traveller.index, traveller.request.to
    target = resolve(index, to, "")
    found = target.instances if isinstance(target, Pods) else ()
    if isinstance(target, Service):
        found = index.behind(target)
    if not found:
        return [traveller.unknown(to, f"no pod that was read has the name or address {to}")]
    share = replace(traveller, weight=1 / len(found), dialled=to if is_address(to) else "")
    return [probed(share, pods, traveller.request.port) for pods in found]


def _from_pods(traveller: Traveller, client: Instances, target: Target) -> list[Branch]:
    port = traveller.request.port
    lost = nowhere(traveller, target)
    if lost is not None:
        return [lost]
    if isinstance(target, Pods) and client.address and any(each is client for each in target.instances):
        others = tuple(each for each in target.instances if each is not client)
        itself = to_itself(traveller, client, port)
        return [itself, *_from_pods(traveller, client, replace(target, instances=others))] if others else [itself]
    unsure = traveller.of_other_settings(client, sends=True)
    if unsure is not None:
        return [unsure]
    match client.mode:
        case Mode.AMBIENT:
            return from_ztunnel(traveller, target, port)
        case Mode.SIDECAR if client.captures:
            return from_sidecar(traveller, target, port, client)
        case Mode.GATEWAY:
            return from_gateway(traveller, target, port)
        case Mode.PROXYLESS:
            reason = "proxyless gRPC chooses its own way, which is not modelled"
            return [traveller.unknown(str(client.workload), reason)]
        case Mode.WAYPOINT:
            return [traveller.unknown(str(client.workload), "waypoints only forward what others send")]
        case _:
            return from_plain(replace(traveller, sender=replace(traveller.sender, principal=None)), target, port)


def _from_gateway(index: MeshIndex, request: Request, namespace: str, name: str, http: Http | None) -> list[Branch]:
    """By the Gateway of either API, or by the workload of that name."""
    pods = index.gateway_pods(namespace, name) or index.gateways.running(namespace, name)
    pods = pods or tuple(
        each for each in index.gateways.pods if (each.namespace, each.workload.name) == (namespace, name)
    )
    if not pods:
        sender = Sender(f"gateway {namespace}/{name}", namespace)
        traveller = Traveller(index, request, sender, http=http)
        return [traveller.unknown(f"{namespace}/{name}", f"no pods of a gateway {namespace}/{name} were read")]
    target = resolve(index, request.to, namespace)
    dialled = dialled_address(request.to, target)
    traveller = Traveller(index, request, _sender(index, pods[0], dialled), http=http, dialled=dialled)
    lost = nowhere(traveller, target) or traveller.of_other_settings(pods[0], sends=True)
    return [lost] if lost is not None else from_gateway(traveller, target, request.port)


def _sender(index: MeshIndex, pods: Instances, dialled: str) -> Sender:
    address = pods.address_towards(dialled)
    return Sender(pods.words, pods.namespace, pods.labels, index.principal(pods), address, pods)
