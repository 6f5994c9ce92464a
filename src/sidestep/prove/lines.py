"""Every line on which an invariant is asked: one client of each class, at all addresses of its destination.

Whom an invariant names is told apart from whom it does not, though the mesh treats both alike.
"""

from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from msgspec import Struct

from sidestep.prove.assertions import Invariant, Rule
from sidestep.prove.caller import Caller
from sidestep.prove.classes import Line
from sidestep.prove.ways import Ways
from sidestep.semantics.families import of_each_family
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.protocols import Declared
from sidestep.semantics.proxies import GATEWAY_NAME
from sidestep.semantics.requests import Client, NodeClient, OutsideClient, SomebodyClient
from sidestep.semantics.routing.hosts import is_address
from sidestep.semantics.service_index import Port, Service
from sidestep.semantics.somebody import SOMEONE


class Address(Struct, frozen=True):
    """Something that is dialled.

    Attributes:
        to: name or address.
        port: dialled.
        protocol: what the port declares.
    """

    to: str
    port: int
    protocol: Declared


class Goal(Struct, frozen=True):
    """What an invariant is about, in one mesh.

    Attributes:
        addresses: by which it is reached; empty where the mesh has no such thing.
        pods: words of the workloads behind it; empty for something outside, which every admitted request reaches.
    """

    addresses: tuple[Address, ...]
    pods: frozenset[str] = frozenset()


def goal(index: MeshIndex, invariant: Invariant) -> Goal:
    """What is dialled to reach the destination of an invariant.

    Who must reach it dials its own name. Who must not may also dial its pods, other services in front of the same pods,
    and services that have routes of their own, which may lead to it.
    """
    name, port = _split(invariant.destination)
    services = [each for each in index.services.services if _is_named(each, name)]
    if not services:
        outside = Address(name, port or 0, Declared.UNDECLARED)
        return Goal((outside,) if port and _is_outside(name) else ())
    pods = {each.words: each for service in services for each in index.behind(service)}
    own = [(service, each) for service in services for each in service.ports if port in (None, each.number)]
    if not own:
        return Goal(())
    found = [Address(service.host, each.number, each.protocol) for service, each in own]
    if invariant.rule is not Rule.REACHES:
        found += [address for service, each in own for address in _beside(index, service, each)]
        found += [
            Address(other.host, each.number, each.protocol)
            for other in index.services.services
            if index.routing.conditions(index.host(other))
            for each in other.ports
        ]
    spoken = [each for each in found if each.protocol is not Declared.UDP]
    return Goal(tuple(dict.fromkeys(spoken)), frozenset(pods))


def lines(ways: Ways, invariant: Invariant, found: Goal) -> Iterator[Line]:
    """Every class of clients that the invariant is about, at every address."""
    for address in found.addresses:
        for client in _clients(ways, invariant, found, address):
            yield Line(client, address.to, address.port, address.protocol)


def _clients(ways: Ways, invariant: Invariant, found: Goal, address: Address) -> Iterator[Client]:
    """Who is outside passes no mesh on the way outside; who may come is promised nothing."""
    apart = ways.apart(address.to)
    for one in (apart.addresses or ("",)) if found.pods else ():
        if _is_meant(invariant, ("outside",)):
            yield OutsideClient(one)
        if ways.nodes and _is_meant(invariant, ("node",)):
            yield NodeClient(one)

    def tell(caller: Caller) -> tuple[bool, bool]:
        return _is_meant(invariant, _names(caller)), caller.before.words in found.pods

    for caller in ways.callers.each(apart, tell):
        may_come = isinstance(caller.clients[0], SomebodyClient)
        if tell(caller)[0] and not (may_come and invariant.rule is Rule.REACHES):
            yield caller.clients[0]


def _is_meant(invariant: Invariant, names: Iterable[str]) -> bool:
    """Whether an invariant is about who has these names."""
    named = any(fnmatchcase(name, pattern) for name in names for pattern in invariant.clients)
    match invariant.rule:
        case Rule.REACHES:
            return named
        case Rule.NOBODY_ELSE:
            return not named
        case Rule.METHODS | Rule.TOKEN:
            return True


def _beside(index: MeshIndex, service: Service, port: Port) -> Iterator[Address]:
    """The pods by their own addresses, and other services that lead to the same port of them."""
    for pods in index.behind(service):
        target = _target(pods, port)
        if target is None:
            continue
        yield from (Address(each, target, port.protocol) for each in of_each_family(pods.every_address))
        for other in index.in_front_of(pods):
            for each in other.ports:
                if _target(pods, each) == target:
                    yield Address(other.host, each.number, each.protocol)


def _target(pods: Instances, port: Port) -> int | None:
    return port.target if isinstance(port.target, int) else pods.container_ports.get(port.target)


def _names(caller: Caller) -> Iterator[str]:
    """By which an invariant may mean a client: who may come is no workload of that name."""
    pods = caller.before
    yield f"sa:{pods.namespace}/{pods.account}"
    if pods.workload.kind == SOMEONE:
        yield f"{pods.namespace}/{SOMEONE}:{pods.account}"
        return
    yield f"{pods.namespace}/{pods.workload.name}"
    if pods.mode is Mode.GATEWAY:
        yield f"gateway:{pods.namespace}/{pods.workload.name}"
        if GATEWAY_NAME in pods.labels:
            yield f"gateway:{pods.namespace}/{pods.labels[GATEWAY_NAME]}"


def _split(text: str) -> tuple[str, int | None]:
    name, colon, port = text.rpartition(":")
    return (name, int(port)) if colon and port.isascii() and port.isdigit() else (text, None)


def _is_named(service: Service, name: str) -> bool:
    """By host, by `namespace/name`, or by the name alone."""
    if service.host == name:
        return True
    space, slash, own = name.rpartition("/")
    return (
        fnmatchcase(service.name, own) and fnmatchcase(service.namespace, space if slash else "*") and "." not in name
    )


def _is_outside(name: str) -> bool:
    return is_address(name) or ("." in name and ".svc" not in name and "/" not in name)
