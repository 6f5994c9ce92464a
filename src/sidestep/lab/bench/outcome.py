"""The document of a benchmark: samples as they were taken, and on what."""

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct

from sidestep.lab.bench.knee import Step
from sidestep.lab.bench.samples import Sample

SATURATION = "saturation"
"""The load that is as many requests as are answered."""


class Asked(Struct, frozen=True, rename="camel"):
    """What was to be measured.

    Attributes:
        scenarios: by name.
        rate: requests a second.
        connections: that stay open.
        seconds: of one load.
        rounds: in which scenarios take turns.
        sweep: further rates.
        pods: by which memory is told; 0 for not at all.
        starts: pods started for each scenario; 0 for none.
        streams: connections that stay open and are seldom used; 0 for none.
        sizes: bytes of answers, besides the usual kilobyte.
        saturation: how many requests a second are answered at most.
        bodies: bytes of requests, besides those without any.
        knee: up to which rate requests are carried.
        edits: of a policy and of a route, made and undone for each scenario that reads requests; 0 for none.
    """

    scenarios: tuple[str, ...] = ()
    rate: float = 2000.0
    connections: int = 32
    seconds: float = 3.0
    rounds: int = 5
    sweep: tuple[float, ...] = ()
    pods: int = 20
    starts: int = 3
    streams: int = 200
    sizes: tuple[int, ...] = ()
    saturation: bool = True
    bodies: tuple[int, ...] = ()
    knee: bool = False
    edits: int = 0


class Machine(Struct, frozen=True):
    """On what it was measured.

    Attributes:
        processor: its name.
        cores: that could be used.
        kernel: its release.
        envoy: version.
        load: average over a minute before it began.
    """

    processor: str
    cores: int
    kernel: str
    envoy: str
    load: float


class Edit(Struct, frozen=True):
    """One edit.

    Attributes:
        what: was edited.
        seconds: from the command until a request on an open connection was answered otherwise.
        cut: connections that were closed by it.
    """

    what: str
    seconds: float
    cut: int


class Bench(Struct, frozen=True, rename="camel"):
    """A benchmark.

    Attributes:
        tool_version: of sidestep.
        machine: on which.
        asked: what was to be measured.
        titles: of scenarios, by name.
        samples: every load of every round.
        memory: bytes of proxies for so many pods, by scenario and role: what pods took more, and the whole waypoint.
        streams: bytes that proxies took more while so many streams were open, by scenario and role.
        starts: seconds from a pod's creation to its first answer, by scenario.
        coefficients: what `sidestep plan --coefficients` takes from it, by its names.
        knees: rates in steps up to the first that is too much, by scenario.
        edits: of policies and routes while connections were open, by scenario.
        failures: what could not be measured, by scenario: why.
    """

    tool_version: str
    machine: Machine
    asked: Asked
    titles: Mapping[str, str]
    samples: tuple[Sample, ...]
    memory: Mapping[str, Mapping[str, float]] = {}
    streams: Mapping[str, Mapping[str, float]] = {}
    starts: Mapping[str, tuple[float, ...]] = {}
    coefficients: Mapping[str, float] = {}
    knees: Mapping[str, tuple[Step, ...]] = {}
    edits: Mapping[str, tuple[Edit, ...]] = {}
    failures: Mapping[str, str] = {}
    api_version: Literal["sidestep.dev/v1"] = "sidestep.dev/v1"
    kind: Literal["Bench"] = "Bench"

    def of(self, scenario: str, load: str) -> tuple[Sample, ...]:
        """Samples of one scenario and load."""
        return tuple(each for each in self.samples if each.scenario == scenario and each.load == load)

    def loads(self) -> tuple[str, ...]:
        """Loads, as they were first asked for."""
        return tuple(dict.fromkeys(each.load for each in self.samples))

    def measured(self) -> Iterable[str]:
        """Scenarios of which there are samples."""
        return dict.fromkeys(each.scenario for each in self.samples)
