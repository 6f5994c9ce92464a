"""Loads, run in a lab that is up: one at a time, so that what proxies use meanwhile is that load's."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from msgspec import Struct

from sidestep.errors import WorldError
from sidestep.lab.agent.histogram import Histogram
from sidestep.lab.api.client import Client
from sidestep.lab.bench import BULK_PORT
from sidestep.lab.bench.samples import Sample
from sidestep.lab.bench.scenarios import CLIENT, PORT, Scenario
from sidestep.lab.bench.usage import spent, used
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
    """

    name: str
    what: str
    rate: float
    seconds: float
    connections: int

    @property
    def port(self) -> int:
        """Of the server."""
        return BULK_PORT if self.what == "read" else PORT


class _Heard(Struct, frozen=True):
    count: float
    failed: int = 0
    latency: Histogram = msgspec.field(default_factory=Histogram)


def measure(speaker: Client, scenario: Scenario, load: Load, number: int) -> Sample:
    """One load in one scenario.

    Args:
        speaker: to the lab.
        scenario: where.
        load: what.
        number: of the round.

    Raises:
        WorldError: the client cannot reach the server; what it said.
    """
    before = used(speaker)
    with _control() as slept:
        heard = msgspec.json.decode(peer(speaker, scenario, load), type=_Heard)
    after = used(speaker)
    return Sample(
        scenario.name, load.name, number, heard.count, heard.failed, load.seconds, heard.latency,
        {role: each for role, each in spent(before, after).items() if each > 0}, max(slept),
    )  # fmt: skip


def peer(speaker: Client, scenario: Scenario, load: Load, host: str = "") -> bytes:
    """What the client of a scenario tells of a load.

    Raises:
        WorldError: it tells nothing; what it said instead.
    """
    words = (load.what, host or scenario.host, load.port, load.rate, load.seconds, load.connections)
    argv = (sys.executable, "-m", "sidestep.lab.bench.peers", *map(str, words))
    command = inside(speaker, f"{scenario.home}/{CLIENT}", argv)
    try:
        done = subprocess.run(  # noqa: S603 - our own program, and no shell
            command, capture_output=True, timeout=load.seconds + _SLACK, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise WorldError(f"the client did not end within {error.timeout:g} s", where=scenario.home) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise WorldError(f"no {load.name} load: {said}", where=scenario.home, remedy="see `sidestep lab logs`")
    return done.stdout


@contextmanager
def _control() -> Iterator[list[float]]:
    """By how much naps were too long meanwhile, which no proxy has to do with."""
    slept, over = [0.0], threading.Event()

    def nap() -> None:
        while not over.is_set():
            began = time.perf_counter()
            time.sleep(_NAP)
            slept.append(time.perf_counter() - began - _NAP)

    thread = threading.Thread(target=nap)
    thread.start()
    try:
        yield slept
    finally:
        over.set()
        thread.join()
