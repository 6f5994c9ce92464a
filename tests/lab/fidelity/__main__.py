"""`make fidelity`: many more decisions than a test run has time for.

    python -m tests.lab.fidelity --decisions 100000 --seed 7
    python -m tests.lab.fidelity --requests --decisions 200000

The first is about connections, the second about requests. What disagrees is made small and kept under `cases/`, where the
tests find it; the exit code says whether anything did, or a proxy ended.
"""

# ruff: noqa: T201 - a program of its own

import argparse
import time

from tests.lab.fidelity.layer7.manner import REQUESTS_BY_CHANCE
from tests.lab.fidelity.observe import Ground
from tests.lab.fidelity.run import CONNECTIONS, Tally, disagrees, run
from tests.lab.fidelity.shrink import CASES, REQUESTS, shrunk, write
from tests.support.labs import lab

_EVERY = 10
_KEPT = 5


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.lab.fidelity", description=__doc__)
    parser.add_argument("--decisions", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--requests", action="store_true", help="sidecars, waypoints, routes and tokens")
    told = parser.parse_args()
    manner, folder = (REQUESTS_BY_CHANCE, REQUESTS) if told.requests else (CONNECTIONS, CASES)
    with lab(node_count=2) as made:
        ground = Ground(made)
        began, tally = time.monotonic(), Tally()
        for number, tally in enumerate(run(ground, told.seed, told.decisions, manner), 1):
            if number % _EVERY == 0:
                print(f"{number} meshes, {_words(tally)}, {tally.compared / (time.monotonic() - began):.0f} a second", flush=True)  # fmt: skip
            if len(tally.disagreements) >= _KEPT:
                break
        for each in tally.disagreements:
            print(f"{each.case.questions}: {each.what}", flush=True)
        for number, each in enumerate(tally.disagreements[:_KEPT]):
            small = shrunk(each.case, lambda case: bool(disagrees(ground, case, manner)))
            print(f"{each.what}\n  kept as {write(small, f'seed-{told.seed}-{number}', folder)}")
    print(f"seed {told.seed}: {_words(tally)}")
    for reason, count in tally.unknown.most_common(10):
        print(f"  {count} unknown: {reason}")
    for each in tally.ended:
        print(f"  {each}")
    return 1 if tally.disagreements or tally.ended else 0


def _words(tally: Tally) -> str:
    return (
        f"{tally.compared:,} decisions observed ({tally.answered:,} answered, {tally.spread:,} by everybody who may), "
        f"{len(tally.disagreements)} disagree, {tally.unknown.total():,} unknown, "
        f"{len(tally.late)} late, {len(tally.ended)} proxies ended"
    )


if __name__ == "__main__":
    raise SystemExit(main())
