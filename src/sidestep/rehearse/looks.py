"""What proxies of a lab use and have counted, looked at all the time while a plan is carried out in it."""

import re
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import pairwise
from typing import Self

from msgspec import Struct

from sidestep.errors import SidestepError
from sidestep.lab.api import messages as api
from sidestep.lab.api.client import Client
from sidestep.lab.bench.usage import role_of
from sidestep.rehearse.result import Used

_EVERY = 1.0
_COUNTED = re.compile(r"istio_tcp_connections_(opened|closed)_total\{(.*)\} (\d+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')
Workload = tuple[str, str]
"""Namespace and name."""


class Process(Struct, frozen=True):
    """A proxy's process.

    Attributes:
        role: of the proxy.
        cpu: seconds that it used until now.
        memory: bytes, proportional.
    """

    role: str
    cpu: float
    memory: int


class Taken(Struct, frozen=True):
    """Connections that proxies took for a workload until now.

    Attributes:
        opened: all of them.
        plain: those in which the peer showed no certificate.
        closed: those that have ended.
    """

    opened: int = 0
    plain: int = 0
    closed: int = 0


class Look(Struct, frozen=True):
    """One look.

    Attributes:
        at: Unix time.
        processes: by name.
        connections: by workload.
    """

    at: float
    processes: Mapping[str, Process]
    connections: Mapping[Workload, Taken]


class Looks:
    """Looks every second, from the moment it is entered until it is left.

    Args:
        speaker: to the lab.
    """

    def __init__(self, speaker: Client) -> None:
        self._speaker = speaker
        self._looks: list[Look] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="looks", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def between(self, first: float, last: float) -> list[Look]:
        """From the last look before a time to the last one before another, by Unix time."""
        looks = list(self._looks)
        start = max((number for number, each in enumerate(looks) if each.at <= first), default=0)
        return [each for each in looks[start:] if each.at <= last]

    def _watch(self) -> None:
        while not self._over.is_set():
            with suppress(SidestepError):  # a lab that is busy or ends is looked at again, or no more
                self._looks.append(look(self._speaker))
            self._over.wait(_EVERY)


def look(speaker: Client) -> Look:
    """One look at a lab."""
    processes = {
        str(row["name"]): Process(role, float(row["cpu"]), int(row["memory"]))
        for row in speaker.ask(api.Top(0.001))
        if (role := role_of(str(row["name"])))
    }
    return Look(time.time(), processes, connections(speaker.ask(api.Metrics())))


def cores(looks: list[Look], chosen: Callable[[str, Process], bool]) -> dict[str, float]:
    """CPU seconds per second by process, between the first and the last look; nothing of fewer than two."""
    if len(looks) < 2:
        return {}
    spent: dict[str, float] = {}
    for before, after in pairwise(looks):
        for name, each in after.processes.items():
            was = before.processes.get(name)
            if chosen(name, each):
                spent[name] = spent.get(name, 0.0) + max(each.cpu - (was.cpu if was is not None else 0.0), 0.0)
    seconds = looks[-1].at - looks[0].at
    return {name: each / seconds for name, each in spent.items()}


def usage(looks: list[Look]) -> dict[str, Used]:
    """What proxies of each role used on the average, and how many there were at last."""
    spent = cores(looks, lambda *_: True)
    found: dict[str, Used] = {}
    for role in sorted({each.role for one in looks for each in one.processes.values()}):
        memory = [sum(each.memory for each in one.processes.values() if each.role == role) for one in looks]
        last = [name for name, each in looks[-1].processes.items() if each.role == role]
        named = {name for one in looks for name, each in one.processes.items() if each.role == role}
        cpu = sum(each for name, each in spent.items() if name in named)
        found[role] = Used(cpu, sum(memory) // len(memory), len(last))
    return found


def connections(metrics: str) -> dict[Workload, Taken]:
    """Connections by the workload that they were for, as metrics tell them."""
    found: dict[Workload, Taken] = {}
    for line in metrics.splitlines():
        if (met := _COUNTED.match(line)) is None:
            continue
        labels, number = dict(_LABEL.findall(met[2])), int(met[3])
        if labels.get("reporter") != "destination":
            continue
        key = (labels.get("destination_workload_namespace", ""), labels.get("destination_workload", ""))
        was = found.get(key, Taken())
        if met[1] == "closed":
            found[key] = Taken(was.opened, was.plain, was.closed + number)
        else:
            plain = number if labels.get("connection_security_policy") != "mutual_tls" else 0
            found[key] = Taken(was.opened + number, was.plain + plain, was.closed)
    return found
