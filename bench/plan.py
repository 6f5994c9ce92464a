"""Speed and memory of a whole plan, from files to plan.json, beside an audit of the same files, in one run.

    python -m bench.plan [--sizes 1000,10000,50000,150000] [--rounds 3] [--write]

Meshes have thirty pods on a node, and a service and an AuthorizationPolicy for fifteen pods. Who calls whom is inferred
from configuration. Each measurement is a process of its own, measured by the operating system; the two commands take
turns. The plan also reads: reading is most of an audit.
"""

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from bench.audit import BUILD, PROGRAM, ROOT, SIZES, Cost, middle, run
from bench.page import markdown, renew

PODS_PER_NODE, PODS_PER_SERVICE = 30, 15
_TITLES = (
    "pods",
    "nodes",
    "services",
    "policies",
    "MB",
    "audit s (CPU)",
    "plan s (CPU)",
    "ratio",
    "ms for 1,000 pods",
    "peak MiB",
)


@dataclass(frozen=True)
class Row:
    """Medians for one size."""

    pods: int
    megabytes: float
    audit: Cost
    plan: Cost


def generated(pods: int) -> Path:
    """A mesh of that size, made once; three pods on each node belong to the system."""
    folder = BUILD / f"plan-{pods}"
    if not (folder / "pod.json").exists():
        nodes, services = max(pods // PODS_PER_NODE, 3), str(pods // PODS_PER_SERVICE)
        sizes = ("--nodes", str(nodes), "--pods", str(pods - 3 * nodes), "--services", services, "--policies", services)
        subprocess.run([sys.executable, "-m", "tools.meshgen", *sizes, "--out", str(folder)], check=True, cwd=ROOT)
    return folder


def measure(pods: int, rounds: int) -> Row:
    """Medians of rounds in which the commands take turns, after one that only warms the disk."""
    folder = generated(pods)
    given = ("-q", "--from", str(folder), "--out")
    commands = {
        "audit": (str(PROGRAM), "audit", *given, str(BUILD / "audit.json")),
        "plan": (str(PROGRAM), "plan", *given, str(BUILD / "plan.json")),
    }
    taken: dict[str, list[Cost]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            cost = run(*command)
            if number:
                taken[name].append(cost)
    size = sum(path.stat().st_size for path in folder.glob("*.json")) / 1e6
    return Row(pods, size, middle(taken["audit"]), middle(taken["plan"]))


def table(rows: list[Row]) -> str:
    """Markdown."""
    return markdown(
        _TITLES,
        (
            (
                f"{row.pods:,}",
                f"{max(row.pods // PODS_PER_NODE, 3):,}",
                f"{row.pods // PODS_PER_SERVICE:,}",
                f"{row.pods // PODS_PER_SERVICE:,}",
                f"{row.megabytes:,.0f}",
                f"{row.audit.wall:.2f} ({row.audit.cpu:.2f})",
                f"{row.plan.wall:.2f} ({row.plan.cpu:.2f})",
                f"{row.plan.wall / row.audit.wall:.2f}",
                f"{row.plan.cpu * 1e6 / row.pods:.0f}",
                f"{row.plan.peak:,.0f}",
            )
            for row in rows
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    told = table([measure(int(size), given.rounds) for size in given.sizes.split(",")])
    print(told)
    if given.write:
        renew("plans", told)


if __name__ == "__main__":
    main()
