"""Loads, run in a lab that is up: one at a time, so that what proxies use meanwhile is that load's."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from sidestep.errors import WorldError
from sidestep.lab.agent.histogram import Histogram
from sidestep.lab.api.client import Client
from sidestep.lab.bench import BULK_PORT, USUAL
from sidestep.lab.bench.samples import Sample
from sidestep.lab.bench.scenarios import CLIENT, PORT, Scenario
from sidestep.lab.bench.stalls import control
from sidestep.lab.bench.usage import handshakes, spent, used
from sidestep.lab.inside import inside

_NAP = 0.0005
_SLACK = 30.0


class Load(Struct, frozen=True):
    """One kind of load.

    Attributes:
        name: in tables.
        what: as `peers` calls it.
        rate: requests a second.
        seconds: for how long.
        connections: that stay.
        size: bytes of each answer.
        body: bytes of each request; 0 for none.
    """

    name: str
    what: str
    rate: float
    seconds: float
    connections: int
    size: int = USUAL
    body: int = 0

    @property
    def bytes(self) -> int:
        """Of a request and its answer, without headers."""
        return self.size + self.body

    @property
    def port(self) -> int:
        """Of the server."""
        return BULK_PORT if self.what == "read" else PORT


class _Heard(Struct, frozen=True):
    count: float
    failed: int = 0
    latency: Histogram = msgspec.field(default_factory=Histogram)


def measure(speaker: Client, folder: Path, scenario: Scenario, load: Load, number: int) -> Sample:
    """One load in one scenario.

    Args:
        speaker: to the lab.
        folder: of the lab.
        scenario: where.
        load: what.
        number: of the round.

    Raises:
        WorldError: the client cannot reach the server; what it said.
    """
    opened, before = handshakes(folder), used(speaker)
    with control(_NAP) as slept:
        heard = msgspec.json.decode(peer(speaker, scenario, load), type=_Heard)
    after = used(speaker)
    return Sample(
        scenario.name, load.name, number, heard.count, heard.failed, load.seconds, heard.latency,
        {role: each for role, each in spent(before, after).items() if each > 0}, max(slept),
        max(handshakes(folder) - opened, 0),
    )  # fmt: skip


@contextmanager
def held(speaker: Client, scenario: Scenario, connections: int) -> Iterator[int]:
    """While so many connections are open, each of which was answered once: how many are.

    Raises:
        WorldError: the client cannot open them.
    """
    load = Load("streams", "hold", 0.0, 0.0, connections)
    with subprocess.Popen(  # noqa: S603 - our own program, and no shell
        command(speaker, scenario, load, scenario.host),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            told = process.stdout.readline() if process.stdout is not None else b""
            if not told:
                raise WorldError(f"{connections} streams cannot be opened", where=scenario.home)
            yield int(msgspec.json.decode(told)["count"])
        finally:
            process.kill()


def peer(speaker: Client, scenario: Scenario, load: Load, host: str = "") -> bytes:
    """What the client of a scenario tells of a load.

    Raises:
        WorldError: it tells nothing; what it said instead.
    """
    argv = command(speaker, scenario, load, host or scenario.host)
    try:
        done = subprocess.run(  # noqa: S603 - our own program, and no shell
            argv, capture_output=True, timeout=load.seconds + _SLACK, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise WorldError(f"the client did not end within {error.timeout:g} s", where=scenario.home) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise WorldError(f"no {load.name} load: {said}", where=scenario.home, remedy="see `sidestep lab logs`")
    return done.stdout


def command(speaker: Client, scenario: Scenario, load: Load, host: str) -> tuple[str, ...]:
    """What runs a load in the client's pod of a scenario."""
    words = (load.what, host, load.port, load.rate, load.seconds, load.connections, load.size, load.body)
    argv = (sys.executable, "-m", "sidestep.lab.bench.peers", *map(str, words))
    return inside(speaker, f"{scenario.home}/{CLIENT}", argv)
