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
        return NotAsked("the line does not tell the client well enough, or it is not in the mesh that was read")
    end = next((each for each in _ends(line) if _is_known(index, each, client.namespace)), None)
    if end is None:
        named = next((f"{each.host}:{each.port}" for each in _ends(line)), "")
        told = f"{named} is not in the mesh that was read" if named else "the line does not tell what was dialled"
        return NotAsked(told)
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


def _is_known(index: MeshIndex, end: _End, namespace: str) -> bool:
    """Whether the mesh has it, and the port where a service declares its ports."""
    target = resolve(index, end.host, namespace)
    if isinstance(target, External):
        return False
    service = index.services.named(end.host, namespace) or index.services.by_vip.get(end.host)
    return service is None or not service.ports or service.port(end.port) is not None


def _payload(index: MeshIndex, line: LogLine, end: _End, namespace: str) -> tuple[Http | Tcp, str]:
    if line.method:
        headers = {"user-agent": line.user_agent, "x-forwarded-for": ",".join(line.forwarded_for)}
        told = {name: value for name, value in headers.items() if value}
        return Http(line.method, line.path or "/", line.authority, told), _NO_TOKEN
    ztunnels = line.reporter in _ZTUNNEL or line.format in _ZTUNNEL_FORMATS
    service = index.services.named(end.host, namespace) or index.services.by_vip.get(end.host)
    declared = service.port(end.port) if service else None
    if ztunnels and declared is not None and declared.protocol is Declared.HTTP:
        return Http(), _ANY_REQUEST
    return Tcp(sni="" if line.sni.startswith(_ISTIO_SNI) else line.sni), ""
