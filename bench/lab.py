"""The lab: how fast it comes up, what its node proxies add to requests beside sidecars, what they weigh.

    python -m bench.lab [--rounds 5] [--only up|path|memory|l7] [--settings JSON] [--write]

- up: labs of two sizes, from the command until every pod is captured (so its certificate is served) and ready.
- path: 2,000 requests a second on 32 connections that stay, with client and server on two nodes; as many as go through;
  a connection for each request; bytes on one connection. `bench.lab_path` tells how.
- memory: a node proxy with fifty pods beside fifty sidecars; growth with pods and with services.
- l7: a waypoint beside a pair of sidecars, with the same policy and route, as `sidestep lab bench` measures it.

Ways take turns in one run, and medians count. What else runs on the machine makes all of it slower, and sidecars, which
wake up more often, more so.
"""

import argparse
import json
import os
import subprocess
from collections.abc import Callable, Iterable
from statistics import median
from typing import Any

from msgspec import Struct
from tests.support.lab import environment, launched
from tools.test_servers import Unavailable, have

from bench import lab_l7
from bench.audit import ROOT
from bench.lab_up import SIZES
from bench.lab_up import measure as measure_up
from bench.page import markdown, renew

BASE, PAIR, BARE, OURS = "direct", "sidecars", "bare tunnel", "node proxies"
STALL = 0.02
"""Seconds: a round in which the machine itself stood still for longer is left out while others are left."""
_PARTS = ("up", "path", "memory", "l7")
Round = dict[str, dict[str, float]]


class Line(Struct, frozen=True):
    """A line of the data path's table.

    Attributes:
        title: what it tells.
        part: of a round, whose stalls count.
        key: what was measured in it.
        unit: that it is divided by.
        added: what the ratio compares is what came on top of no mesh at all.
        bound: what the ratio of ours to the sidecars' should keep; empty for none.
    """

    title: str
    part: str
    key: str
    unit: float = 1.0
    added: bool = False
    bound: str = ""


LINES = (
    Line("p50 µs", "paced", "p50", added=True, bound="≤ 0.33"),
    Line("p99 µs", "paced", "p99", added=True, bound="≤ 0.30"),
    Line("CPU µs a request", "paced", "cpu", 1e-6, bound="≤ 0.36"),
    Line("failed", "paced", "failed"),
    Line("saturated, requests/s", "saturated", "rate", bound="≥ 2.2"),
    Line("saturated, CPU µs a request", "saturated", "cpu", 1e-6),
    Line("new connections, p50 µs", "fresh", "p50", added=True),
    Line("new connections, p99 µs", "fresh", "p99", added=True),
    Line("new connections, CPU µs a request", "fresh", "cpu", 1e-6),
    Line("new connections, failed", "fresh", "failed"),
    Line("one connection, GB/s", "read", "rate", 1e9, bound="≥ 0.9"),
    Line("one connection, CPU s a GB", "read", "cpu", 1e-9),
)


def path_table(rounds: list[Round]) -> str:
    """Medians by way, and ours to the sidecars'."""
    rows = []
    for line in LINES:
        found = {way: _median(rounds, line, way) for way in (BASE, PAIR, BARE, OURS)}
        if all(each is not None for each in found.values()):
            rows.append((line.title, *(_told(each) for each in found.values()), _ratio(line, found), line.bound))
    return markdown(("at 2,000 requests/s", BASE, PAIR, BARE, OURS, "ratio", "wanted"), rows)


def _median(rounds: list[Round], line: Line, way: str) -> float | None:
    """Of rounds in which the machine did not stand still, or of all if it always did."""
    calm = [each for each in rounds if all(own.get(f"{line.part} stall", 0) < STALL for own in each.values())]
    values = [each[way][f"{line.part} {line.key}"] for each in calm or rounds if f"{line.part} {line.key}" in each[way]]
    return median(values) / line.unit if values else None


def _told(value: float | None) -> str:
    return f"{value or 0:,.0f}" if not value or value >= 10 else f"{value:.2f}"


def _ratio(line: Line, found: dict[str, Any]) -> str:
    base = found[BASE] if line.added else 0
    beside = found[PAIR] - base
    return f"{(found[OURS] - base) / beside:.2f}" if beside > 0 else ""


def up_table(rounds: int) -> str:
    """Labs of each size."""
    rows = []
    for size in SIZES:
        found = [measure_up(size) for _ in range(rounds)]
        middle = {key: median(each[key] for each in found) for key in found[0]}
        counts = (f"{size.pods:,}", f"{size.nodes}")
        seconds = (f"{middle['up']:.1f}", f"{middle['cpu']:.1f}")
        memory = (f"{middle['pss']:,.0f}", f"{middle['taken']:,.0f}")
        rows.append((*counts, *seconds, *memory, f"{middle['down']:.2f}", size.wanted))
    return markdown(("pods", "nodes", "up s", "CPU s", "PSS MiB", "MiB of the machine", "down s", "wanted"), rows)


def memory_tables(found: dict[str, list[list[float]]]) -> tuple[str, str]:
    """Beside sidecars, and growth."""
    (ours, pair) = found["beside"][0]
    beside = markdown(
        ("fifty pods", "PSS MiB", "ratio", "wanted"),
        [("sidecars", f"{pair:,.0f}", "", ""), (OURS[:-3] + "y", f"{ours:,.0f}", f"{ours / pair:.3f}", "≤ 0.1")],
    )
    (few, least), (many, most) = found["pods"][0], found["pods"][-1]
    rows = [(f"{count:,.0f} pods", f"{size:,.0f}", "") for count, size in found["pods"]]
    rows += [("each pod more", f"{(most - least) / (many - few):.2f}", "")]
    rows += [(f"{count:,.0f} services", f"{size:,.0f}", f"{took:.1f}") for count, size, took in found["services"]]
    return beside, markdown(("node proxy with", "PSS MiB", "a change acknowledged ms"), rows)


def inside(call: str, module: str) -> Any:
    """What a function of a module of ours returns, called in namespaces of its own."""
    told = f"print('\\n' + json.dumps({call}), flush=True)"
    program = f"import json, os; from bench.{module} import measure; {told}; os._exit(0)"
    done = subprocess.run(launched(["-c", program]), cwd=ROOT, env=environment(), check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout.decode().rstrip().rpartition("\n")[2])


def saturating() -> str:
    """The program that saturates."""
    try:
        return str(have("wrk"))
    except (Unavailable, OSError) as error:
        print(f"not saturated: wrk cannot be had here ({error})")
        return ""


def _up(given: argparse.Namespace) -> Iterable[tuple[str, str]]:
    yield "lab up", up_table(min(given.rounds, 3))


def _path(given: argparse.Namespace) -> Iterable[tuple[str, str]]:
    yield "lab path", path_table(inside(f"measure({given.rounds}, {saturating()!r}, {given.settings!r})", "lab_path"))


def _memory(_: argparse.Namespace) -> Iterable[tuple[str, str]]:
    yield from zip(("lab memory", "lab growth"), memory_tables(inside("measure()", "lab_growth")), strict=True)


def _layer_7(given: argparse.Namespace) -> Iterable[tuple[str, str]]:
    yield "lab l7", lab_l7.table(lab_l7.measure(given.rounds))


_MEASURES: dict[str, Callable[[argparse.Namespace], Iterable[tuple[str, str]]]] = {
    "up": _up,
    "path": _path,
    "memory": _memory,
    "l7": _layer_7,
}


def main() -> None:
    """Measure, print, and renew the tables of docs/performance.md if that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=_PARTS)
    parser.add_argument("--settings", default="{}", help="settings of node proxies that differ, in JSON")
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    given = parser.parse_args()
    os.environ.update(environment())
    for part in (given.only,) if given.only else _PARTS:
        for name, table in _MEASURES[part](given):
            print(table, flush=True)
            if given.write:
                renew(name, table)


if __name__ == "__main__":
    main()
