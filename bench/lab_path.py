"""The lab's data path beside no mesh at all and beside sidecars: pods on two nodes, real proxies, real mutual TLS.

Clients and servers run on one core and all proxies on the other, ways take turns, idle spinners keep virtual cores from
halting, and what a proxy costs is read from its process's own clock. Beside each part a sleeper tells how long the
machine itself stood still.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct
from tests.support.node_mesh import SETTINGS, Action, Match, NodeMesh, Pod, policy, principal, service

from bench.audit import ROOT
from bench.lab_sidecar import BULK_OUT, BULK_TUNNEL_OUT, HTTP_OUT, TUNNEL_OUT, Sidecars, command
from sidestep.controlplane.generators.node.settings import Settings
from sidestep.lab.bench import BULK_PORT, HTTP_PORT
from sidestep.lab.bench.peers import CONNECTIONS
from sidestep.lab.bench.stalls import control
from sidestep.lab.envoy import program
from sidestep.lab.net.sockets import listening

RATE, FRESH_RATE = 2000.0, 200.0
_VIP = "10.96.0.20"
_CORES = sorted(os.sched_getaffinity(0))
CLIENTS, PROXIES = _CORES[0], _CORES[-1]
_NAP = 0.005
_SPIN = (
    "import os; os.sched_setaffinity(0, {%d}); os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))\nwhile 1: 0"
)


class Seconds(Struct, frozen=True):
    """How long each part of a round takes."""

    paced: float = 3.0
    saturated: int = 2
    fresh: float = 2.0
    bulk: float = 2.0


class Way(Struct, frozen=True):
    """One way from a client to a server.

    Attributes:
        client: its pod.
        http: what it dials for requests.
        bulk: what it dials for bytes.
        proxies: processes in between.
    """

    client: Pod
    http: tuple[str, int]
    bulk: tuple[str, int]
    proxies: tuple[int, ...]


class Started:
    """Processes in pods."""

    def __init__(self) -> None:
        self._every: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, pod: Pod, argv: Sequence[str]) -> int:
        """One that stays; its number."""
        started = subprocess.Popen(inside(pod, argv), cwd=ROOT)
        self._every[started.pid] = started
        return started.pid

    def serve(self, pod: Pod) -> int:
        """A server, once it answers; its number."""
        pid = self.start(pod, (sys.executable, "-m", "sidestep.lab.bench.server"))
        while not {HTTP_PORT, BULK_PORT} <= listening(pod.namespace):
            time.sleep(_NAP)
        return pid

    def ask(self, pod: Pod, target: str, port: int) -> None:
        """A request from a pod to another."""
        argv = inside(pod, _peer("fresh", target, str(port), "100", "0.01"))
        subprocess.run(argv, cwd=ROOT, check=True, capture_output=True)

    def end(self, pids: Sequence[int]) -> None:
        """End some."""
        for pid in pids:
            self._every[pid].kill()
            self._every.pop(pid).wait()


class Scene:
    """Two nodes with our proxies; beside captured pods others that have sidecars.

    Args:
        settings: of our proxies.
        wrk: program that saturates; none where it cannot be had.
        concurrency: worker threads of our proxies.
    """

    def __init__(self, settings: Settings = SETTINGS, wrk: str = "", concurrency: int = 1) -> None:
        self.mesh = mesh = NodeMesh(settings=settings, concurrency=concurrency)
        self._wrk = wrk
        web = service("web", _VIP, (80, HTTP_PORT), (BULK_PORT, BULK_PORT))
        mesh.put(web, policy("clients", Action.ALLOW, Match(principal("client"))))
        self._started = Started()
        client, server = mesh.add("client", 0), mesh.add("server", 1, serves=[web])
        near, far = mesh.add("side-client", 0, captured=False), mesh.add("side-server", 1, captured=False)
        sidecars = Sidecars(mesh.authority, mesh.folder)
        configured = ((near, sidecars.client(far.ipv4)), (far, sidecars.server()))
        pair = tuple(self._started.start(pod, command(program(), path)) for pod, path in configured)
        for pod in (server, far):
            pin(self._started.serve(pod), CLIENTS)
        ours = tuple(each.pid for each in mesh.envoys.values())
        for pid in (*pair, *ours):
            pin(pid, PROXIES)
        self.ways = {
            "direct": Way(near, (far.ipv4, HTTP_PORT), (far.ipv4, BULK_PORT), ()),
            "sidecars": Way(near, ("127.0.0.1", HTTP_OUT), ("127.0.0.1", BULK_OUT), pair),
            "bare tunnel": Way(near, ("127.0.0.1", TUNNEL_OUT), ("127.0.0.1", BULK_TUNNEL_OUT), pair),
            "node proxies": Way(client, (_VIP, 80), (_VIP, BULK_PORT), ours),
        }

    def round(self, seconds: Seconds) -> dict[str, dict[str, float]]:
        """Every way once; what each did, by way."""
        return {name: self._turn(way, seconds) for name, way in self.ways.items()}

    def _turn(self, way: Way, seconds: Seconds) -> dict[str, float]:
        found: dict[str, float] = {}
        for what, rate, dialled in (
            ("paced", RATE, way.http),
            ("fresh", FRESH_RATE, way.http),
            ("read", 0.0, way.bulk),
        ):
            took = {"paced": seconds.paced, "fresh": seconds.fresh, "read": seconds.bulk}[what]
            spent = _spent(way.proxies)
            with control(_NAP) as slept:
                told = json.loads(self._run(way.client, _peer(what, *map(str, (*dialled, rate, took)))))
            found |= {f"{what} {key}": value for key, value in told.items()}
            found[f"{what} cpu"] = sum(spent()) / told["count"]
            found[f"{what} stall"] = max(slept)
        if self._wrk:
            found |= self._saturated(way, seconds.saturated)
        return found

    def _saturated(self, way: Way, seconds: int) -> dict[str, float]:
        address, port = way.http
        spent = _spent(way.proxies)
        argv = (self._wrk, "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", f"http://{address}:{port}/")
        told = self._run(way.client, argv)
        used, count = sum(spent()), int(_match(r"(\d+) requests in", told))
        return {"saturated rate": float(_match(r"Requests/sec:\s+([\d.]+)", told)), "saturated cpu": used / count}

    def _run(self, pod: Pod, argv: Sequence[str]) -> str:
        argv = ("taskset", "-c", str(CLIENTS), *inside(pod, argv))
        return subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def inside(pod: Pod, argv: Sequence[str]) -> tuple[str, ...]:
    """A command, in a pod's network."""
    return ("nsenter", f"--net={pod.net.path}", *argv)


def cpu(pid: int) -> float:
    """CPU seconds of a process by its own clock, which counts nanoseconds."""
    return time.clock_gettime((~pid << 3) | 2)


def pin(pid: int, core: int) -> None:
    """Keep a process, with all its threads, on a core."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def proportional(pid: int) -> float:
    """MiB that a process has, shared pages divided among those who share them."""
    told = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return int(_match(r"\nPss:\s+(\d+)", told)) / 1024


def _peer(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "sidestep.lab.bench.peers", *arguments)


def _match(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise SystemExit(f"no {pattern!r} in what was told:\n{text}")
    return found[1]


def _spent(pids: Sequence[int]) -> Callable[[], list[float]]:
    """Call it later: CPU seconds that each of these processes used meanwhile."""
    before = [cpu(pid) for pid in pids]
    return lambda: [cpu(pid) - then for pid, then in zip(pids, before, strict=True)]


@contextmanager
def _spinners() -> Iterator[None]:
    """Busy loops that give way to everything, one on each core, in this very session."""
    started = [subprocess.Popen([sys.executable, "-c", _SPIN % core]) for core in {CLIENTS, PROXIES}]
    try:
        yield
    finally:
        for each in started:
            each.kill()


def measure(
    rounds: int, wrk: str = "", settings: str = "{}", concurrency: int = 1
) -> list[dict[str, dict[str, float]]]:
    """Within the lab's namespaces: what each round found, by way.

    Args:
        rounds: how many, after one that warms up.
        wrk: as of `Scene`.
        settings: those of our proxies that differ from the lab's, in JSON.
        concurrency: as of `Scene`.
    """
    changed = msgspec.convert({**msgspec.to_builtins(SETTINGS), **json.loads(settings)}, Settings)
    scene = Scene(changed, wrk, concurrency)
    with _spinners():
        scene.round(Seconds(0.5, 1, 0.5, 0.5))
        return [scene.round(Seconds()) for _ in range(rounds)]
