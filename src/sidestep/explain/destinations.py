"""Where a request goes: the service, pods or host outside that a name means to a client, and the port."""

from msgspec import Struct

from sidestep.errors import UsageError
from sidestep.explain.dialled import WHERE, Dialled, is_address
from sidestep.explain.nearest import listed, suggestion
from sidestep.semantics.hops.targets import External, Pods, Target, resolve
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.protocols import Declared
from sidestep.semantics.service_index import CLUSTER_DOMAIN, Port, Service

_HTTP, _HTTPS = 80, 443
_SVC = "svc"


class Destination(Struct, frozen=True):
    """What is dialled, and what to know of it."""

    host: str
    port: int
    notes: tuple[str, ...] = ()


class _Wanted(Struct, frozen=True):
    """What decides the port where none is written."""

    number: int | None
    reads_http: bool
    encrypted: bool


def destination(index: MeshIndex, told: Dialled, namespace: str, port: int | None, *, reads_http: bool) -> Destination:
    """What a client of a namespace reaches by what was written.

    Raises:
        UsageError: the name is of a service that is not there, or the port cannot be told.
    """
    host = _host(index, told, namespace)
    target = resolve(index, host, namespace)
    notes: tuple[str, ...] = ()
    if isinstance(target, External):
        if not is_address(host):
            _check_outside(index, host, namespace)
        notes = (f"the mesh knows no {host}: it is taken for something outside",)
    wanted = _Wanted(told.port if port is None else port, reads_http, told.encrypted)
    return Destination(host, _port(target, host, wanted), notes)


def same_destination(today: MeshIndex, then: MeshIndex, host: str) -> tuple[str, str]:
    """The host in another state, and what to know of it: pods that were made anew have other addresses."""
    if not is_address(host) or today is then or then.by_address.get(host) is not None:
        return host, ""
    pods = today.by_address.get(host)
    if pods is None:
        return host, ""
    renewed = [each.addresses[0] for each in then.workloads.get(pods.workload, ()) if each.addresses]
    note = f"{host} is a pod of {pods.workload}, which will be made anew: its successor is asked instead"
    return (renewed[0], note) if renewed else (host, f"{note}, and its address is not known")


def _host(index: MeshIndex, told: Dialled, namespace: str) -> str:
    """The name that is dialled; outside of namespaces there is no search list, so that a short name must be unique."""
    if told.namespace:
        return _in_namespace(index, told)
    if namespace or "." in told.host or is_address(told.host) or index.services.named(told.host, "") is not None:
        return told.host
    found = sorted({each.host for each in index.services.services if each.name == told.host and _is_cluster(each)})
    if len(found) > 1:
        raise UsageError(
            f"several services are called {told.host!r}", where=WHERE, remedy=f"write one of {listed(found)}"
        )
    if not found:
        names = {f"{each.namespace}/{each.name}" for each in index.services.services if _is_cluster(each)}
        raise _unknown(told.host, "", names)
    return found[0]


def _in_namespace(index: MeshIndex, told: Dialled) -> str:
    space, name = told.namespace, told.host
    own = {each.name for each in index.services.services if each.namespace == space and _is_cluster(each)}
    if name in own:
        return f"{name}.{space}.{_SVC}.{CLUSTER_DOMAIN}"
    if not own:
        spaces = {each.namespace for each in index.services.services}
        raise UsageError(
            f"no service was read in a namespace {space!r}",
            where=WHERE,
            remedy=suggestion(space, spaces, "namespaces with services"),
        )
    raise _unknown(name, space, own)


def _check_outside(index: MeshIndex, host: str, namespace: str) -> None:
    """A name that only a service of the cluster could have is a slip, and no host outside."""
    parts = host.rstrip(".").split(".")
    spaces = {each.namespace for each in index.services.services}
    if len(parts) == 1:
        elsewhere = {f"{each.namespace}/{each.name}" for each in index.services.services if each.name == host}
        if elsewhere:
            raise UsageError(
                f"{host!r} is no service of namespace {namespace}, where the client looks for it",
                where=WHERE,
                remedy=f"write {listed(sorted(elsewhere))}",
            )
        raise _unknown(host, namespace, {each.name for each in index.services.services if each.namespace == namespace})
    if (len(parts) == 2 and parts[1] in spaces) or _SVC in parts[2:3]:
        space = parts[1]
        raise _unknown(parts[0], space, {each.name for each in index.services.services if each.namespace == space})


def _unknown(name: str, namespace: str, known: set[str]) -> UsageError:
    where = f"in namespace {namespace}" if namespace else "anywhere"
    return UsageError(
        f"there is no service {name!r} {where}",
        where=WHERE,
        remedy=suggestion(name, known, f"services {where}" if namespace else "services"),
    )


def _is_cluster(service: Service) -> bool:
    return service.host.endswith(f".{_SVC}.{CLUSTER_DOMAIN}")


def _port(target: Target, host: str, wanted: _Wanted) -> int:
    if wanted.number is not None:
        return wanted.number
    match target:
        case Service():
            return _of_service(target, host, wanted)
        case Pods(service=Service() as headless):
            return _of_service(headless, host, wanted)
        case Pods():
            return _of_pods(target, host)
        case External():
            return _usual(host, wanted)


def _of_service(service: Service, host: str, wanted: _Wanted) -> int:
    """The only port, the usual one for what is sent, or the only one that is declared for it."""
    ports = [port for port in service.ports if port.protocol is not Declared.UDP]
    if not ports:
        return _usual(host, wanted)
    if len(ports) == 1:
        return ports[0].number
    usual = _HTTPS if wanted.encrypted else _HTTP
    if (wanted.reads_http or wanted.encrypted) and any(port.number == usual for port in ports):
        return usual
    speaking = [port for port in ports if port.protocol is Declared.HTTP]
    if wanted.reads_http and len(speaking) == 1:
        return speaking[0].number
    told = [f"{port.number} ({_named(port)})" for port in ports]
    raise UsageError(f"{host} has several ports", where=WHERE, remedy=f"add --port: {listed(told)}")


def _named(port: Port) -> str:
    return f"{port.name}, {port.protocol}" if port.name else str(port.protocol)


def _of_pods(target: Pods, host: str) -> int:
    declared = {
        port.container_port
        for each in target.instances
        for container in each.shape.spec.containers or ()
        if container.name != "istio-proxy"
        for port in container.ports or ()
        if port.protocol != "UDP"
    }
    if len(declared) == 1:
        return declared.pop()
    told = f", e.g. one that they declare: {listed([str(port) for port in sorted(declared)])}" if declared else ""
    raise UsageError(f"it cannot be told which port of {host} is meant", where=WHERE, remedy=f"add --port{told}")


def _usual(host: str, wanted: _Wanted) -> int:
    if wanted.encrypted:
        return _HTTPS
    if wanted.reads_http:
        return _HTTP
    raise UsageError(f"TCP to {host} needs a port", where=WHERE, remedy="add --port")
