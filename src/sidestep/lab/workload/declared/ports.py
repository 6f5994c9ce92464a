"""Where a container listens, and what is spoken there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from sidestep.lab.cluster.objects import Tree, spec_of
from sidestep.lab.workload.containers import Port, Protocol
from sidestep.semantics.loose import as_dicts, as_text
from sidestep.semantics.protocols import protocol_name

_SPOKEN = {
    "http": Protocol.HTTP,
    "http2": Protocol.HTTP,
    "http_proxy": Protocol.HTTP,
    "grpc-web": Protocol.HTTP,
    "grpc": Protocol.GRPC,
    "https": Protocol.HTTPS,
    "tls": Protocol.HTTPS,
    "tcp": Protocol.TCP,
    "mongo": Protocol.TCP,
    "redis": Protocol.TCP,
    "mysql": Protocol.TCP_FIRST,
    "udp": Protocol.UDP,
}
_WELL_KNOWN = {
    21: Protocol.TCP_FIRST,
    22: Protocol.TCP_FIRST,
    25: Protocol.TCP_FIRST,
    53: Protocol.TCP,
    3306: Protocol.TCP_FIRST,
    5432: Protocol.TCP,
    5672: Protocol.TCP,
    6379: Protocol.TCP,
    9092: Protocol.TCP,
    11211: Protocol.TCP,
    27017: Protocol.TCP,
}


class Declared(Struct, frozen=True):
    """A port that an object names."""

    number: int
    name: str = ""
    transport: str = "TCP"


def declared_ports(container: Tree) -> tuple[Declared, ...]:
    """`ports` of a container; those whose number is none are left out."""
    return tuple(
        Declared(number, as_text(each.get("name")), as_text(each.get("protocol")) or "TCP")
        for each in as_dicts(container.get("ports"))
        if isinstance(number := each.get("containerPort"), int) and 0 < number < 65536
    )


def undeclared_targets(services: Iterable[Tree], declared: Sequence[Declared]) -> Iterator[Declared]:
    """Ports that Services send to, though no container names them."""
    known = {each.number for each in declared}
    for service in services:
        for port in as_dicts(spec_of(service).get("ports")):
            target = port.get("targetPort", port.get("port"))
            if isinstance(target, int) and 0 < target < 65536 and target not in known:
                known.add(target)
                yield Declared(target, transport=as_text(port.get("protocol")) or "TCP")


def port_of(declared: Declared, services: Iterable[Tree], told: Mapping[str, Protocol]) -> Port:
    """The port with its protocol: as the behaviour says, else a Service, else its own name, else its number."""
    return Port(declared.number, _protocol(declared, services, told), declared.name)


def _protocol(declared: Declared, services: Iterable[Tree], told: Mapping[str, Protocol]) -> Protocol:
    explicit = told.get(str(declared.number)) or told.get(declared.name)
    if explicit is not None:
        return explicit
    for service in services:
        for port in as_dicts(spec_of(service).get("ports")):
            if port.get("targetPort", port.get("port")) in (declared.number, declared.name or declared.number):
                spoken = spoken_by(port, declared.number)
                if spoken is not Protocol.AUTO:
                    return spoken
    if declared.transport == "UDP":
        return Protocol.UDP
    own = _SPOKEN.get(protocol_name(0, declared.name, ""))
    return own or _WELL_KNOWN.get(declared.number, Protocol.AUTO)


def spoken_by(port: Tree, number: int) -> Protocol:
    """What a Service's port says that it speaks; AUTO where it says nothing."""
    name, application = as_text(port.get("name")), as_text(port.get("appProtocol"))
    return spoken(protocol_name(0, name, application, as_text(port.get("protocol")) or "TCP"), number)


def spoken(written: str, number: int) -> Protocol:
    """What is spoken behind a port that declares a protocol, where containers listen at a number; AUTO for anything."""
    if _WELL_KNOWN.get(number) is Protocol.TCP_FIRST:
        return Protocol.TCP_FIRST
    return _SPOKEN.get(written, Protocol.AUTO)
