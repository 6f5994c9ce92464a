"""A benchmark from beginning to end: a lab of its own with all scenarios, rounds in which they take turns."""

import os
import platform
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from sidestep import __version__
from sidestep.errors import SidestepError, WorldError
from sidestep.lab.api import messages as api
from sidestep.lab.api.client import Client
from sidestep.lab.bench.coefficients import coefficients
from sidestep.lab.bench.measuring import Load, measure, peer
from sidestep.lab.bench.outcome import Asked, Bench, Machine
from sidestep.lab.bench.samples import Sample
from sidestep.lab.bench.scenarios import SERVER, SERVERS_NODE, Scenario, chosen
from sidestep.lab.bench.usage import Used, used
from sidestep.lab.envoy import program
from sidestep.lab.lab import Lab, nodes
from sidestep.model.kinds import DEPLOYMENT

Heard = Callable[[str, int, int], None]
"""Told what is being done, how many parts are done, and of how many."""
_FRESH_RATE, _FRESH_SHARE = 200.0, 0.5
_WARM = 0.5
_STARTER = "starter"
_PATIENCE = 60.0


def run(asked: Asked, heard: Heard = lambda *_: None, name: str = "bench") -> Bench:
    """Bring a lab up, measure, take it down.

    Args:
        asked: what.
        heard: told of progress.
        name: of the lab.

    Raises:
        SidestepError: it does not come up; what could not be measured later is in the document.
    """
    scenarios = chosen(asked.scenarios)
    machine = _machine()
    heard("bringing the lab up", 0, 1)
    with Lab([each for s in scenarios for each in s.objects()], name=name, nodes=nodes(2), metrics=False) as lab:
        return _Run(lab, asked, scenarios, heard).all(machine)


class _Run:
    def __init__(self, lab: Lab, asked: Asked, scenarios: tuple[Scenario, ...], heard: Heard) -> None:
        self._lab, self._asked, self._heard = lab, asked, heard
        self._scenarios = list(scenarios)
        self._speaker = Client(lab.scratch.socket, 2 * _PATIENCE)
        self._failures: dict[str, str] = {}
        self._done = 0
        self._parts = len(scenarios) * (asked.rounds * len(self._loads()) + bool(asked.pods) + asked.starts)

    def all(self, machine: Machine) -> Bench:
        """Everything that was asked for."""
        self._warm()
        samples = tuple(self._rounds())
        starts = {each.name: tuple(self._starts(each)) for each in self._scenarios} if self._asked.starts else {}
        memory = {each.name: self._memory(each) for each in self._scenarios} if self._asked.pods else {}
        titles = {each.name: each.title for each in self._scenarios}
        behind = {each.name for each in self._scenarios if each.http == "waypoint"}
        steady = self._loads()[0].name
        planned = coefficients(each for each in samples if each.load == steady and each.scenario in behind)
        return Bench(__version__, machine, self._asked, titles, samples, memory, starts, planned, self._failures)

    def _loads(self) -> list[Load]:
        asked = self._asked
        rates = (asked.rate, *(each for each in asked.sweep if each != asked.rate))
        paced = [Load(f"{rate:g}/s", "paced", rate, asked.seconds, asked.connections) for rate in rates]
        fresh = Load("new connections", "fresh", _FRESH_RATE, asked.seconds * _FRESH_SHARE, 1)
        return [*paced, fresh, Load("one connection", "read", 0.0, asked.seconds * _FRESH_SHARE, 1)]

    def _warm(self) -> None:
        """Every way once, so that none pays for being first; who does not answer is left out, and said."""
        for scenario in list(self._scenarios):
            try:
                for load in self._loads():
                    found = measure(self._speaker, scenario, msgspec.structs.replace(load, seconds=_WARM), -1)
                    if found.failed and found.failed == found.count:
                        raise WorldError(f"no request of {load.name} is answered well", where=scenario.home)
            except SidestepError as error:
                self._failures[scenario.name] = str(error)
                self._scenarios.remove(scenario)

    def _rounds(self) -> Iterator[Sample]:
        for number in range(self._asked.rounds):
            for load in self._loads():
                for scenario in self._scenarios:
                    self._tell(f"round {number + 1}, {load.name}, {scenario.title}")
                    yield measure(self._speaker, scenario, load, number)

    def _memory(self, scenario: Scenario) -> dict[str, float]:
        """What proxies have more, with so many pods more."""
        self._tell(f"memory, {scenario.title}")
        before = used(self._speaker)
        self._scale(scenario, 1 + self._asked.pods)
        after = used(self._speaker)
        self._scale(scenario, 1)
        return {role: float(each.memory - before.get(role, Used()).memory) for role, each in after.items()}

    def _scale(self, scenario: Scenario, replicas: int) -> None:
        self._speaker.ask(api.Scale(DEPLOYMENT.key, scenario.home, SERVER, replicas))
        self._lab.settle(_PATIENCE)

    def _starts(self, scenario: Scenario) -> Iterator[float]:
        """Seconds from the creation of a pod to its first answer, again and again."""
        account, deployment, service = scenario.workload(_STARTER, SERVERS_NODE, scenario.server)
        self._lab.apply(account, service)
        waiting = Load("first answer", "first", 0.0, _PATIENCE, 1)
        for _ in range(self._asked.starts):
            self._tell(f"start of a pod, {scenario.title}")
            began = time.monotonic()
            self._lab.apply(deployment)
            told: dict[str, Any] = msgspec.json.decode(
                peer(self._speaker, scenario, waiting, f"{_STARTER}.{scenario.home}")
            )
            if told["count"]:
                yield told["at"] - began
            self._speaker.ask(api.Delete([deployment]))
            self._lab.settle(_PATIENCE)

    def _tell(self, what: str) -> None:
        self._heard(what, self._done, self._parts)
        self._done += 1


def _machine() -> Machine:
    try:
        told = subprocess.run(  # noqa: S603 - our own program, and no shell
            (str(program()), "--version"), capture_output=True, text=True, check=False
        ).stdout
    except OSError:
        told = ""
    version = re.search(r"/(\d+\.\d+\.\d+)", told)
    cores = len(os.sched_getaffinity(0))
    return Machine(_processor(), cores, platform.release(), version[1] if version else "", os.getloadavg()[0])


def _processor() -> str:
    try:
        told = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    found = re.search(r"model name\s*:\s*(.+)", told)
    return found[1].strip() if found else platform.machine()
