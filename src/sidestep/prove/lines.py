"""Every line on which an invariant is asked: all clients, and all addresses by which its destination is reached.

A client is never left out because another is like it: an invariant may name the one and not the other.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase

from msgspec import Struct

from sidestep.prove.assertions import Invariant, Rule
from sidestep.prove.classes import Line
from sidestep.prove.ways import Ways
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.protocols import Declared
from sidestep.semantics.proxies import GATEWAY_NAME
from sidestep.semantics.requests import Client, OutsideClient, WorkloadClient
from sidestep.semantics.routing.hosts import is_address
from sidestep.semantics.service_index import Port, Service

_CALLING = (Mode.SIDECAR, Mode.AMBIENT, Mode.GATEWAY, Mode.NONE)


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
        outsiders: somebody outside of the mesh for each class of addresses that is told apart; who is outside passes
            no mesh on the way outside.
    """

    addresses: tuple[Address, ...]
    pods: frozenset[str] = frozenset()
    outsiders: tuple[OutsideClient, ...] = ()


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
    ways = (way.client for service in services for way in Ways(index).to(service))
    outsiders = dict.fromkeys(each for each in ways if isinstance(each, OutsideClient))
    return Goal(tuple(dict.fromkeys(spoken)), frozenset(pods), tuple(outsiders))


def lines(index: MeshIndex, invariant: Invariant, found: Goal) -> Iterator[Line]:
    """Every client that the invariant is about, at every address."""
    for client, names in _clients(index, found):
        named = any(fnmatchcase(name, pattern) for pattern in invariant.clients for name in names)
        if invariant.rule is Rule.REACHES and not named:
            continue
        if invariant.rule is Rule.NOBODY_ELSE and named:
            continue
        for each in found.addresses:
            yield Line(client, each.to, each.port, each.protocol)


def _beside(index: MeshIndex, service: Service, port: Port) -> Iterator[Address]:
    """The pods by their own addresses, and other services that lead to the same port of them."""
    for pods in index.behind(service):
        target = _target(pods, port)
        if target is None:
            continue
        if pods.addresses:
            yield Address(pods.addresses[0], target, port.protocol)
        for other in index.in_front_of(pods):
            for each in other.ports:
                if _target(pods, each) == target:
                    yield Address(other.host, each.number, each.protocol)


def _target(pods: Instances, port: Port) -> int | None:
    return port.target if isinstance(port.target, int) else pods.container_ports.get(port.target)


def _clients(index: MeshIndex, found: Goal) -> Iterator[tuple[Client, tuple[str, ...]]]:
    """Everybody who was read, and somebody outside, with the names by which an invariant may mean them."""
    yield from ((each, ("outside",)) for each in found.outsiders)
    for group in index.workloads.values():
        for each in group:
            if each.mode in _CALLING:
                yield WorkloadClient(each.workload, each.place), tuple(_names(each))


def _names(each: Instances) -> Iterator[str]:
    yield f"{each.namespace}/{each.workload.name}"
    yield f"sa:{each.namespace}/{each.account}"
    if each.mode is Mode.GATEWAY:
        yield f"gateway:{each.namespace}/{each.workload.name}"
        if GATEWAY_NAME in each.labels:
            yield f"gateway:{each.namespace}/{each.labels[GATEWAY_NAME]}"


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
