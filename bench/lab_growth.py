"""What a node's proxy weighs beside sidecars, and how its memory and changes grow with pods and services."""

import time
from statistics import median

from tests.support.node_mesh import NodeMesh, Pod, service

from bench.lab_path import Started, proportional
from bench.lab_sidecar import Sidecars, command
from sidestep.controlplane.records import Service
from sidestep.lab.bench import HTTP_PORT
from sidestep.lab.envoy import program

PODS = (10, 50, 150)
BESIDE = 50
SERVICES = (100, 1000, 5000)
_CHANGES = 20
_SETTLED = 1.0


def measure() -> dict[str, list[list[float]]]:
    """Within the lab's namespaces: rows of pods and MiB, of the same beside sidecars, of services."""
    mesh = NodeMesh()
    started = Started()
    target = mesh.add("target", 1)
    started.serve(target)
    pods: list[list[float]] = []
    beside: list[list[float]] = []
    for count in PODS:
        while (number := len(mesh.pods) - 1) < count:
            started.ask(mesh.add(f"p{number}", 0), target.ipv4, HTTP_PORT)
        if count == BESIDE:
            beside.append(_beside(mesh, started))
        time.sleep(_SETTLED)
        pods.append([count, proportional(mesh.envoys[0].pid)])
    return {"pods": pods, "beside": beside, "services": [_with_services(mesh, started, count) for count in SERVICES]}


def _beside(mesh: NodeMesh, started: Started) -> list[float]:
    """MiB of the node's proxy, and of as many sidecars as it has pods, all of which run at once."""
    configuration = Sidecars(mesh.authority, mesh.folder).server()
    alone = [_uncaptured(mesh, number) for number in range(BESIDE)]
    pids = [started.start(pod, command(program(), configuration)) for pod in alone]
    time.sleep(2 * _SETTLED)
    found = [proportional(mesh.envoys[0].pid), sum(map(proportional, pids))]
    started.end(pids)
    for pod in alone:
        mesh.remove(pod)
    return found


def _uncaptured(mesh: NodeMesh, number: int) -> Pod:
    return mesh.add(f"side{number}", 1, captured=False)


def _with_services(mesh: NodeMesh, started: Started, count: int) -> list[float]:
    """How many services there are, MiB of the node's proxy, and ms until it has taken a change of one that it uses."""
    used = _service(0)
    mesh.put(*(_service(number) for number in range(count)))
    mesh.change(mesh.pods["target"], services={used.key: used.ports})
    mesh.settle()
    client, other = mesh.pods["p0"], mesh.pods["p1"]
    started.ask(client, used.vips[0], used.ports[0].service_port)
    took = []
    for number in range(_CHANGES):
        began = time.perf_counter()
        mesh.change(other, services={} if number % 2 else {used.key: used.ports})
        mesh.settle()
        took.append((time.perf_counter() - began) * 1000)
    return [count, proportional(mesh.envoys[0].pid), median(took)]


def _service(number: int) -> Service:
    return service(f"s{number}", f"10.96.{8 + number // 250}.{number % 250 + 1}", (80, HTTP_PORT))
