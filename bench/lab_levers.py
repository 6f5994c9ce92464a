"""What each lever of a node proxy does to its data path, beside two bare Envoys that tunnel the same in the same run.

    python -m bench.lab_levers [--rounds 3] [--write]

A lever is one setting that differs. Each has labs of its own, which take turns; medians count. What is told of p50, p99
and CPU is what came on top of no mesh at all, of the same round.
"""

import argparse
import json
import os
from statistics import median
from typing import Any

from msgspec import Struct
from tests.support.lab import environment

from bench.lab import BARE, BASE, OURS, PAIR, Round, inside, saturating
from bench.page import markdown, renew


class Lever(Struct, frozen=True):
    """One setting that differs.

    Attributes:
        name: for people.
        settings: of node proxies.
        concurrency: their worker threads.
    """

    name: str
    settings: dict[str, Any] = {}
    concurrency: int = 1


LEVERS = (
    Lever("as it is"),
    Lever("windows of 64 and 256 KiB, as HTTP/2 begins", {"windows": {"stream": 65_536, "connection": 262_144}}),
    Lever("windows of 16 and 64 MiB", {"windows": {"stream": 16 << 20, "connection": 64 << 20}}),
    Lever("buffers of 64 KiB", {"buffer": 64 << 10}),
    Lever("buffers of 4 MiB", {"buffer": 4 << 20}),
    Lever("a tunnel for each connection", {"streams_per_connection": 1}),
    Lever("connections logged, for metrics", {"access_log": "/run/access.log"}),
    Lever("two threads", concurrency=2),
)


def table(found: dict[str, list[Round]]) -> str:
    """A line for each lever."""
    titles = ("node proxies", "p50 µs", "p99 µs", "CPU µs", "to bare tunnel", "saturated, /s", "GB/s", "to plain mTLS")
    return markdown(titles, (_row(name, rounds) for name, rounds in found.items()))


def _row(name: str, rounds: list[Round]) -> tuple[str, ...]:
    def middle(key: str, way: str = OURS, unit: float = 1.0) -> float:
        return median(each[way].get(key, 0.0) for each in rounds) / unit

    def added(key: str) -> float:
        return median(each[OURS][key] - each[BASE][key] for each in rounds)

    spent, bare = middle("paced cpu", unit=1e-6), middle("paced cpu", BARE, 1e-6)
    bulk, plain = middle("read rate", unit=1e9), middle("read rate", PAIR, 1e9)
    return (
        name, f"{added('paced p50'):.0f}", f"{added('paced p99'):.0f}", f"{spent:.0f}", f"{spent / bare:.2f}",
        f"{middle('saturated rate'):,.0f}", f"{bulk:.2f}", f"{bulk / plain:.2f}",
    )  # fmt: skip


def measure(lever: Lever, wrk: str) -> Round:
    """One round in a lab of its own."""
    told = (1, wrk, json.dumps(lever.settings), lever.concurrency)
    found: list[Round] = inside(f"measure(*{told!r})", "lab_path")
    return found[0]


def main() -> None:
    """Measure and print, and renew the table of docs/performance.md if that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    given = parser.parse_args()
    os.environ.update(environment())
    wrk = saturating()
    found: dict[str, list[Round]] = {each.name: [] for each in LEVERS}
    for _ in range(given.rounds):
        for each in LEVERS:
            found[each.name].append(measure(each, wrk))
    made = table(found)
    print(made, flush=True)
    if given.write:
        renew("lab levers", made)


if __name__ == "__main__":
    main()
