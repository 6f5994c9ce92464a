"""What meshes have besides Services and routes: endpoints that are written down, ServiceEntries, ingress of Sidecars.

Each is drawn by a chance of its own, so that what a seed draws besides stays as it is.
"""

from collections.abc import Sequence
from random import Random
from typing import Any

from tests.lab.fidelity.layer7.population import ADMIN, APPS, FURTHER_WAYPOINT, GRPC, HTTP, PODS, WAYPOINT
from tests.lab.fidelity.layer7.routes import NETWORKING, RPC
from tests.lab.fidelity.meshes import Object, slice_of, thing

_USE = "istio.io/use-waypoint"
_ENTRY_PORTS: tuple[Object, ...] = (
    {"number": 80, "name": "http", "protocol": "HTTP", "targetPort": HTTP},
    {"number": 81, "name": "tcp", "protocol": "TCP", "targetPort": ADMIN},
    {"number": 84, "name": "http-admin", "protocol": "HTTP", "targetPort": ADMIN},
    {"number": HTTP, "name": "http-own", "protocol": "HTTP"},
)


def written(chance: Random, made: Sequence[Object]) -> list[Object]:
    """Some Services lose their selector, and have what is written down: one or two pods, in the mesh or not."""
    found = []
    for service in made:
        if chance.random() < 0.1:
            del service["spec"]["selector"]
            pods = chance.sample(PODS, chance.choice((1, 1, 2)))
            addresses = [f"<{space}/{name}:0>" for space, name, _ in pods]
            found.append(
                slice_of(service, "IPv4", addresses, [_behind(chance, each) for each in service["spec"]["ports"]])
            )
    return found


def _behind(chance: Random, port: Object) -> Object:
    number = GRPC if port["port"] == RPC else chance.choice((HTTP, HTTP, ADMIN))
    return {"name": port["name"], "port": number, "protocol": "TCP"}


def rebound(chance: Random, made: Sequence[Object]) -> None:
    """Some Services of the namespace that has two waypoints are bound to the other one."""
    for service in made:
        labels = service["metadata"]["labels"]
        if labels.get(_USE) == WAYPOINT and chance.random() < 0.3:
            labels[_USE] = FURTHER_WAYPOINT


def entries(chance: Random) -> list[Object]:
    """ServiceEntries that select pods of their namespace, or name some by their addresses."""
    return [_entry(chance, number) for number in range(chance.choice((0, 0, 1, 1, 2)))]


def _entry(chance: Random, number: int) -> Object:
    space = chance.choice(("shop", "back"))
    ports = [_ENTRY_PORTS[0], *chance.sample(_ENTRY_PORTS[1:], chance.choice((0, 1, 2)))]
    app = chance.choice([name for where, name in APPS if where == space])
    spec: Object = {
        "hosts": [f"entry-{number}.example"], "addresses": [f"240.240.7.{number + 1}"], "resolution": "STATIC",
        "location": chance.choice(("MESH_INTERNAL", "MESH_INTERNAL", "MESH_EXTERNAL")), "ports": ports,
    }  # fmt: skip
    if chance.random() < 0.5:
        spec["workloadSelector"] = {"labels": {"app": app}}
    else:
        spec["endpoints"] = [_named(chance, ports, each) for each in chance.sample(PODS, chance.choice((1, 1, 2)))]
    labels = {_USE: chance.choice((WAYPOINT, FURTHER_WAYPOINT))} if chance.random() < 0.4 else {}
    return thing(NETWORKING, "ServiceEntry", f"entry-{number}", space, spec, labels=labels)


def _named(chance: Random, ports: Sequence[Object], pod: tuple[str, str, str]) -> Object:
    """A pod by its address, with ports of its own or without."""
    own = {each["name"]: chance.choice((HTTP, ADMIN)) for each in ports if chance.random() < 0.2}
    return {"address": f"<{pod[0]}/{pod[1]}:0>", **({"ports": own} if own else {})}


def ingress(chance: Random) -> list[Object]:
    """How the sidecars of an application read its ports, and where to they hand on."""
    found = []
    for space, app in APPS:
        if space != "plain" and chance.random() < 0.1:
            spec: Object = {"workloadSelector": {"labels": {"app": app}}, "ingress": _listeners(chance)}
            found.append(thing(NETWORKING, "Sidecar", f"of-{app}", space, spec))
    return found


def _listeners(chance: Random) -> list[Any]:
    numbers = chance.sample((HTTP, ADMIN, GRPC), chance.choice((1, 2, 2)))
    return [_listener(chance, number) for number in numbers]


def _listener(chance: Random, number: int) -> Object:
    protocol = "GRPC" if number == GRPC else chance.choice(("HTTP", "HTTP", "TCP"))
    found: Object = {"port": {"number": number, "name": f"in-{number}", "protocol": protocol}}
    to = GRPC if number == GRPC else chance.choice((HTTP, ADMIN))
    endpoint = chance.choice(("", f"127.0.0.1:{to}", f"0.0.0.0:{to}"))
    return {**found, "defaultEndpoint": endpoint} if endpoint else found
