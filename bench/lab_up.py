"""How long a lab takes to come up with all pods captured and ready, what it takes of the machine, and its end."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from tests.support.labs import ambient, workload

from bench.lab_path import cpu, proportional
from sidestep.lab.api import messages as api
from sidestep.lab.lab import Lab, nodes

_REPLICAS = 5
_PATIENCE, _MOMENT = 180.0, 0.01


class Size(Struct, frozen=True):
    """How large a lab is, and what is wanted of it."""

    pods: int
    nodes: int
    wanted: str


SIZES = (Size(100, 3, "up < 5, down < 1"), Size(1000, 20, "up < 20, PSS < 3,072, down < 1"))


def measure(size: Size) -> dict[str, float]:
    """One lab, up and down."""
    lab = Lab(_objects(size), name=f"bench-{os.getpid()}", nodes=nodes(size.nodes))
    free, began = _available(), time.monotonic()
    try:
        lab.launch()
        lab.settle(_PATIENCE)
        up, taken = time.monotonic() - began, free - _available()
        first = lab.client.machine()
        others = lab.client.ask(api.Top(_MOMENT))
        memory = proportional(first) + sum(each["memory"] for each in others) / 2**20
        spent = cpu(first) + sum(each["cpu"] for each in others)
    finally:
        began = time.monotonic()
        lab.down()
    down = time.monotonic() - began
    return {"up": up, "cpu": spent, "pss": memory, "taken": taken, "down": down}


def _objects(size: Size) -> Iterator[dict[str, Any]]:
    """Deployments of five pods with a Service and an account each, in one namespace."""
    yield ambient("shop")
    for number in range(size.pods // _REPLICAS):
        yield from workload(f"w{number}", replicas=_REPLICAS)


def _available() -> float:
    """MiB that the machine can still give, by its own estimate: what the kernel keeps for namespaces counts, too."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]) / 1024
