"""The request that a line of an access log is about, asked of a mesh, as far as the line names both of its ends."""

from collections.abc import Iterator

from msgspec import Struct

from sidestep.errors import UsageError
from sidestep.explain.asking import Asked
from sidestep.explain.clients import FoundClient, client_named
from sidestep.explain.log_lines.line import LogFormat, LogLine, Party, Reporter
from sidestep.semantics.hops.targets import External, resolve
from sidestep.semantics.identity import parse_principal
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.protocols import Declared
from sidestep.semantics.requests import GatewayClient, Http, OutsideClient, Request, Tcp
from sidestep.semantics.service_index import Port, Service

_ZTUNNEL = (Reporter.ZTUNNEL_INBOUND, Reporter.ZTUNNEL_OUTBOUND)
_ZTUNNEL_FORMATS = (LogFormat.ZTUNNEL_TEXT, LogFormat.ZTUNNEL_JSON)
_HBONE_PORT = 15008
_ISTIO_SNI = "outbound_"
_NO_TOKEN = "the line does not tell a token: none is taken to be there"  # noqa: S105 - a sentence
_ANY_REQUEST = "ztunnel sees no HTTP: GET / stands for whatever the request was"


class NotAsked(Struct, frozen=True):
    """Why the mesh cannot be asked, in one sentence."""

    reason: str


class _End(Struct, frozen=True):
    """What is dialled."""

    host: str
    port: int


def from_log(index: MeshIndex, line: LogLine) -> Asked | NotAsked:
    """The same request, or why it cannot be made from the line."""
    client = _client(index, line)
    if client is None:
        return NotAsked(f"{_stranger(index, line)}; ask it yourself with --client and --to")
    end = next((found for each in _ends(line) if (found := _known(index, each, client.namespace))), None)
    if end is None:
        named = next((f"{each.host}:{each.port}" for each in _ends(line)), "")
        told = (
            f"what was dialled, {named}, is not in the mesh that was read"
            if named
            else "the line does not tell what was dialled"
        )
        return NotAsked(f"{told}; ask it yourself with --client and --to")
    payload, note = _payload(index, line, end, client.namespace)
    return Asked(Request(client.client, end.host, end.port, payload), (*client.notes, note) if note else client.notes)


def _client(index: MeshIndex, line: LogLine) -> FoundClient | None:
    if line.reporter is Reporter.GATEWAY:
        return _gateway(index, line)
    source = line.source
    for name in _names(source):
        try:
            return client_named(index, name)
        except UsageError:
            continue
    pods = index.by_address.get(source.address.host) if source.address else None
    if pods is not None:
        return client_named(index, source.address.host) if source.address else None
    if source.address is not None and index.by_address and not source.workload:
        note = f"{source.address.host} is no pod's address: it is taken for somebody outside"
        return FoundClient(OutsideClient(source.address.host), "", (note,))
    return None


def _stranger(index: MeshIndex, line: LogLine) -> str:
    """Why the client cannot be told."""
    source = line.source
    named = next(_names(source), "")
    if line.reporter is Reporter.GATEWAY:
        return "the line comes from a gateway, and does not tell which of those that were read"
    if named:
        return f"the client, {named}, is not in the mesh that was read"
    if source.address is None:
        return "the line does not tell its client"
    known = "no pods were read" if not index.by_address else "no pod that was read has it"
    return f"the line tells its client by address alone ({source.address.host}), and {known}"


def _names(source: Party) -> Iterator[str]:
    """The client as the line names it, the most exact first."""
    if source.workload and source.namespace:
        yield f"{source.namespace}/{source.workload}"
    identity = parse_principal(source.identity)
    if identity is not None:
        yield f"{identity.namespace}/sa/{identity.account}"


def _gateway(index: MeshIndex, line: LogLine) -> FoundClient | None:
    """The gateway that wrote the line: by its address, or by the name of its pod in front of the line."""
    pods = index.by_address.get(line.dialled.host) if line.dialled else None
    found = pods if pods is not None and pods.mode is Mode.GATEWAY else _logged_by(index, line)
    if found is None:
        return None
    client = GatewayClient(found.namespace, found.workload.name)
    return FoundClient(client, found.namespace)


def _logged_by(index: MeshIndex, line: LogLine) -> Instances | None:
    words = {word for part in line.logged_by.split() for word in part.strip("[]").split("/")}
    return next(
        (
            index.workloads[workload.ref][0]
            for workload in index.inventory.workloads
            for group in workload.groups
            if workload.ref in index.workloads and any(pod.name in words for pod in group.pods)
        ),
        None,
    )


def _ends(line: LogLine) -> Iterator[_End]:
    """What was dialled, the likeliest first: the service by name, its address, the pod's."""
    to = line.destination
    if to.service and to.service_port:
        yield _End(to.service, to.service_port)
    if line.upstream and line.upstream.host and line.upstream.port:
        yield _End(line.upstream.host, line.upstream.port)
    if to.service and not to.service_port and to.address and to.address.port:
        yield _End(to.service, to.address.port)
    for address in (line.dialled, to.address):
        if address and address.port and address.port != _HBONE_PORT:
            yield _End(address.host, address.port)


def _known(index: MeshIndex, end: _End, namespace: str) -> _End | None:
    """What the mesh has of it; ztunnel tells the pod's port, which a service's port leads to."""
    if isinstance(resolve(index, end.host, namespace), External):
        return None
    service = _service(index, end, namespace)
    if service is None or not service.ports or service.port(end.port) is not None:
        return end
    leading = [port.number for port in service.ports if end.port in _targets(index, service, port)]
    return _End(end.host, leading[0]) if leading else None


def _service(index: MeshIndex, end: _End, namespace: str) -> Service | None:
    return index.services.named(end.host, namespace) or index.services.by_vip.get(end.host)


def _targets(index: MeshIndex, service: Service, port: Port) -> set[int | None]:
    """The ports of the pods that a service's port leads to."""
    if isinstance(port.target, int):
        return {port.target}
    return {each.container_ports.get(port.target) for each in index.behind(service)}


def _payload(index: MeshIndex, line: LogLine, end: _End, namespace: str) -> tuple[Http | Tcp, str]:
    if line.method:
        headers = {"user-agent": line.user_agent, "x-forwarded-for": ",".join(line.forwarded_for)}
        told = {name: value for name, value in headers.items() if value}
        return Http(line.method, line.path or "/", line.authority, told), _NO_TOKEN
    ztunnels = line.reporter in _ZTUNNEL or line.format in _ZTUNNEL_FORMATS
    service = _service(index, end, namespace)
    declared = service.port(end.port) if service else None
    if ztunnels and declared is not None and declared.protocol is Declared.HTTP:
        return Http(), _ANY_REQUEST
    return Tcp(sni="" if line.sni.startswith(_ISTIO_SNI) else line.sni), ""
