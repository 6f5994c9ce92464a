"""A benchmark from beginning to end: a lab of its own with all scenarios, rounds in which they take turns."""

import os
import platform
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from sidestep import __version__
from sidestep.errors import SidestepError, WorldError
from sidestep.lab.api import messages as api
from sidestep.lab.api.client import Client
from sidestep.lab.bench import USUAL
from sidestep.lab.bench.coefficients import coefficients
from sidestep.lab.bench.edits import edit
from sidestep.lab.bench.knee import Step, climbed
from sidestep.lab.bench.measuring import Load, held, measure, peer
from sidestep.lab.bench.outcome import SATURATION, Asked, Bench, Edit, Machine
from sidestep.lab.bench.samples import Sample
from sidestep.lab.bench.scenarios import SERVER, SERVERS_NODE, Scenario, chosen
from sidestep.lab.bench.usage import ROLES, Used, role_of, used, waypoints_of
from sidestep.lab.envoy import program
from sidestep.lab.lab import Lab, nodes
from sidestep.model.kinds import DEPLOYMENT

Heard = Callable[[str, int, int], None]
"""Told what is being done, how many parts are done, and of how many."""
_FRESH_RATE, _FRESH_SHARE = 200.0, 0.5
_WARM = 0.5
_MOST_BYTES = 50_000_000.0
_FIRST_STEP = 0.25
"""Of the rate that was asked for: where steps begin."""
_STARTER = "starter"
_PATIENCE, _MOMENT = 60.0, 0.01


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
        self._parts = len(scenarios) * (
            asked.rounds * len(self._loads())
            + bool(asked.pods)
            + bool(asked.streams)
            + asked.starts
            + asked.knee
            + asked.edits
        )

    def all(self, machine: Machine) -> Bench:
        """Everything that was asked for."""
        streams = dict(self._held()) if self._asked.streams else {}
        self._warm()
        samples = tuple(self._rounds())
        starts = {each.name: tuple(self._starts(each)) for each in self._scenarios} if self._asked.starts else {}
        edits = {each.name: tuple(self._edits(each)) for each in self._scenarios} if self._asked.edits else {}
        memory = {each.name: self._memory(each) for each in self._scenarios} if self._asked.pods else {}
        knees = {each.name: tuple(self._steps(each)) for each in self._scenarios} if self._asked.knee else {}
        titles = {each.name: each.title for each in self._scenarios}
        told = (__version__, machine, self._asked, titles, samples, memory, streams, starts)
        found = Bench(*told, knees=knees, edits=edits, failures=self._failures)
        behind = [each.name for each in self._scenarios if each.http == "waypoint"]
        planned = coefficients(found, self._loads()[0], list(self._sized()), behind)
        return msgspec.structs.replace(found, coefficients=planned)

    def _loads(self) -> list[Load]:
        asked = self._asked
        rates = (asked.rate, *(each for each in asked.sweep if each != asked.rate))
        paced = [Load(f"{rate:g}/s", "paced", rate, asked.seconds, asked.connections) for rate in rates]
        fresh = Load("new connections", "fresh", _FRESH_RATE, asked.seconds * _FRESH_SHARE, 1)
        one = Load("one connection", "read", 0.0, asked.seconds * _FRESH_SHARE, 1)
        most = Load(SATURATION, "full", 0.0, asked.seconds * _FRESH_SHARE, asked.connections)
        return [*paced, *self._sized(), *self._seldom(), fresh, *([most] if asked.saturation else []), one]

    def _sized(self) -> Iterator[Load]:
        """Answers and requests of other sizes, so many as no more than a certain rate of bytes comes of."""
        asked = self._asked
        for what, sizes in (("answers", asked.sizes), ("requests", asked.bodies)):
            for size in sizes:
                rate = min(asked.rate, _MOST_BYTES / size)
                carried = (size, 0) if what == "answers" else (USUAL, size)
                name = f"{what} of {size / 1024:g} KiB, {rate:.0f}/s"
                yield Load(name, "paced", rate, asked.seconds, asked.connections, *carried)

    def _seldom(self) -> list[Load]:
        """Streams that stay, each with a request a second."""
        count = self._asked.streams
        return [Load(f"{count} streams", "paced", count, self._asked.seconds, count)] if count else []

    def _warm(self) -> None:
        """Every way once, so that none pays for being first; who does not answer is left out, and said."""
        for scenario in list(self._scenarios):
            try:
                for load in self._loads():
                    found = self._measure(scenario, msgspec.structs.replace(load, seconds=_WARM), -1)
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
                    yield self._measure(scenario, load, number)

    def _measure(self, scenario: Scenario, load: Load, number: int) -> Sample:
        return measure(self._speaker, self._lab.scratch.root, scenario, load, number)

    def _steps(self, scenario: Scenario) -> Iterator[Step]:
        """Rates that grow, until one is too much."""
        self._tell(f"knee, {scenario.title}")
        asked = self._asked
        load = Load("knee", "paced", 0.0, asked.seconds * _FRESH_SHARE, asked.connections)
        return climbed(
            asked.rate * _FIRST_STEP,
            lambda rate: self._measure(scenario, msgspec.structs.replace(load, rate=rate), 0),
        )

    def _memory(self, scenario: Scenario) -> dict[str, float]:
        """What proxies have more, with so many pods more, and what their waypoint has in all."""
        self._tell(f"memory, {scenario.title}")
        self._begin_proxies_anew(scenario)
        before = used(self._speaker)
        self._scale(scenario, 1 + self._asked.pods)
        after, waypoint = used(self._speaker), waypoints_of(self._speaker, scenario.home)
        self._scale(scenario, 1)
        more = {role: float(each.memory - before.get(role, Used()).memory) for role, each in after.items()}
        return {**more, **({"waypoint": float(waypoint)} if waypoint else {})}

    def _held(self) -> Iterator[tuple[str, dict[str, float]]]:
        """What proxies have more in each scenario, with so many streams open; who cannot be reached is left out."""
        for scenario in list(self._scenarios):
            self._tell(f"streams, {scenario.title}")
            try:
                yield scenario.name, self._streams(scenario)
            except SidestepError as error:
                self._failures[scenario.name] = str(error)
                self._scenarios.remove(scenario)

    def _streams(self, scenario: Scenario) -> dict[str, float]:
        self._begin_proxies_anew(scenario)
        before = used(self._speaker)
        with held(self._speaker, scenario, self._asked.streams):
            after = used(self._speaker)
        return {role: float(each.memory - before.get(role, Used()).memory) for role, each in after.items()}

    def _begin_proxies_anew(self, scenario: Scenario) -> None:
        """A proxy keeps what it was given once: only one that has carried nothing yet shows what it takes."""
        for each in self._speaker.ask(api.Top(_MOMENT)):
            role, _, of = each["name"].partition("/")
            if role_of(each["name"]) == "node" or (role in ROLES and of.startswith(f"{scenario.home}/")):
                self._speaker.ask(api.Fault(each["name"], "kill"))
        self._lab.settle(_PATIENCE)
        peer(self._speaker, scenario, Load("first answer", "first", 0.0, _PATIENCE, 1))

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

    def _edits(self, scenario: Scenario) -> Iterator[Edit]:
        """There and back again; who is not answered otherwise is said."""
        for _ in range(self._asked.edits):
            self._tell(f"edits, {scenario.title}")
            try:
                for each in scenario.edits():
                    for made in (each.other, each.usual):
                        yield edit(self._speaker, scenario, each.what, partial(self._lab.apply, made))
            except SidestepError as error:
                self._failures[scenario.name] = str(error)
                return

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
