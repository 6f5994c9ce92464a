"""How else a caller gets at the same pods in the first mesh: what such a way lets through is not opened by another.

A sidecar knows no route for the address of a pod, and sends plaintext without an identity; ztunnel does not. So a pod
that is dialled by its address is held against the Services before it, and against its own policies as they judge the
caller by name.
"""

from collections.abc import Iterator

from sidestep.prove.outcome import Assume
from sidestep.prove.ways import Way
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Decision, Transport, decision
from sidestep.semantics.hops.server import Arrival, arrive
from sidestep.semantics.hops.traveller import Sender, Traveller
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.requests import Answers, Client, Http, Request, SomebodyClient, Tcp, WorkloadClient
from sidestep.semantics.somebody import pods_of

_BY_NAME = {Mode.SIDECAR: Transport.MTLS, Mode.AMBIENT: Transport.HBONE}
"""How a caller's name comes to pods."""
Sent = tuple[Http | Tcp, Answers]


def otherwise(
    index: MeshIndex, way: Way, sent: Sent, assume: Assume, *, survey: bool = False
) -> Iterator[tuple[Request, Decision]]:
    """The same payload on other ways to the same pods.

    Args:
        index: the first mesh.
        way: on which the second mesh lets more through.
        sent: the payload, and what external authorizers answer.
        assume: whether other ways count.
        survey: whether it is asked who would judge.
    """
    payload, answers = sent
    payloads = [payload]
    if Assume.SPEECH in assume and isinstance(payload, Tcp) and payload.server_first:
        payloads.append(Tcp())
        to, port = way.instead or (way.to, way.port)
        spoken = Request(way.client, to, port, Tcp(), answers, survey=survey)
        yield spoken, decide(index, spoken)
    if Assume.FORMS not in assume:
        return
    for each in payloads:
        for to, port in way.also:
            request = Request(way.client, to, port, each, answers, survey=survey)
            yield request, decide(index, request)
        if not way.instead:
            request = Request(way.client, way.to, way.port, each, answers, survey=survey)
            found = _by_name(index, request)
            if found is not None:
                yield request, found


def _by_themselves(index: MeshIndex, request: Request) -> Instances | None:
    """Pods that are dialled by their own address, or by a headless name on a port that it does not have."""
    service = index.services.by_host.get(request.to)
    if service is None or not service.headless or service.port(request.port) is not None:
        return index.by_address.get(request.to)
    behind = index.behind(service)
    return behind[0] if len(behind) == 1 else None


def _pods(index: MeshIndex, client: Client) -> Instances | None:
    match client:
        case WorkloadClient():
            return next((each for each in index.workloads.get(client.ref, ()) if each.place == client.group), None)
        case SomebodyClient():
            return pods_of(client)
        case _:
            return None


def _by_name(index: MeshIndex, request: Request) -> Decision | None:
    """What pods that were dialled by their address say to a caller with a sidecar once they know who he is.

    His sidecar is taken to have read what is HTTP, as it does on the way to a Service that says so.
    """
    pods, client = _by_themselves(index, request), request.client
    if pods is None:
        return None
    caller = _pods(index, client)
    transport = _BY_NAME.get(pods.mode)
    if caller is None or caller.mode is not Mode.SIDECAR or transport is None:
        return None
    principal = caller.principal(index.settings.trust_domain)
    sender = Sender(
        caller.words, caller.namespace, caller.labels, principal, caller.address_towards(request.to), caller
    )
    http = request.payload if isinstance(request.payload, Http) else None
    traveller = Traveller(index, request, sender, http=http, dialled=request.to, read=http is not None)
    return decision((arrive(Arrival(traveller, pods, transport, request.port)),))
