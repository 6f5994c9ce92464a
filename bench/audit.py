"""Speed and memory of the whole audit, as ratios to a bare typed decode of the same bytes, in one run.

    python -m bench.audit [--sizes 1000,10000,150000] [--rounds 3] [--write]

Each measurement is a process of its own; the two sides take turns. `--write` renews docs/performance.md and its plot.
"""

import argparse
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "bench"
PROGRAM = Path(sys.executable).parent / "sidestep"
SIZES = (1_000, 10_000, 50_000, 150_000)
PODS_PER_NODE = 30
MARKS = ("<!-- audit table -->\n", "<!-- end -->")


@dataclass(frozen=True)
class Cost:
    """What one process took: seconds of wall clock and of CPU, and its peak of resident memory in MiB."""

    wall: float
    cpu: float
    peak: float


@dataclass(frozen=True)
class Row:
    """Medians for one size."""

    pods: int
    megabytes: float
    bare: Cost
    files: Cost
    snapshot: Cost


def run(*command: str) -> Cost:
    """One process, measured by the operating system."""
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit((process.stderr.read() if process.stderr else b"").decode())
    return Cost(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def generated(pods: int) -> Path:
    """A mesh of that size, made once: two pods in thirty belong to the system."""
    folder = BUILD / f"mesh-{pods}"
    if not (folder / "pod.json").exists():
        nodes = max(pods // PODS_PER_NODE, 3)
        sizes = ("--nodes", str(nodes), "--pods", str(pods - 3 * nodes))
        subprocess.run([sys.executable, "-m", "tools.meshgen", *sizes, "--out", str(folder)], check=True, cwd=ROOT)
    return folder


def measure(pods: int, rounds: int) -> Row:
    """Medians of rounds in which the sides take turns, after one that only warms the disk."""
    folder, snapshot = generated(pods), BUILD / f"mesh-{pods}.sidestep"
    out = str(BUILD / "out.json")
    commands = {
        "bare": (sys.executable, "-m", "bench.baseline", str(folder)),
        "files": (str(PROGRAM), "audit", "-q", "--from", str(folder), "-o", "json", "--out", out),
        "snapshot": (str(PROGRAM), "audit", "-q", "--from", str(snapshot), "-o", "json", "--out", out),
    }
    run(str(PROGRAM), "snapshot", "-q", "--from", str(folder), "-f", str(snapshot))
    taken: dict[str, list[Cost]] = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            cost = run(*command)
            if number:
                taken[name].append(cost)
    size = sum(path.stat().st_size for path in folder.glob("*.json")) / 1e6
    return Row(pods, size, *(middle(taken[name]) for name in commands))


def middle(costs: list[Cost]) -> Cost:
    """Medians of several runs."""
    return Cost(*(median(getattr(cost, name) for cost in costs) for name in ("wall", "cpu", "peak")))


def table(rows: list[Row]) -> str:
    """Markdown."""
    titles = (
        "pods",
        "MB",
        "bare decode s (CPU)",
        "audit s (CPU)",
        "ratio",
        "ratio CPU",
        "from snapshot s",
        "peak MiB (bare)",
    )
    lines = [f"| {' | '.join(titles)} |", "|" + " ---: |" * len(titles)]
    for row in rows:
        bare, files = row.bare, row.files
        cells = (
            f"{row.pods:,}",
            f"{row.megabytes:,.0f}",
            f"{bare.wall:.2f} ({bare.cpu:.2f})",
            f"{files.wall:.2f} ({files.cpu:.2f})",
            f"{files.wall / bare.wall:.2f}",
            f"{files.cpu / bare.cpu:.2f}",
            f"{row.snapshot.wall:.2f}",
            f"{files.peak:,.0f} ({bare.peak:,.0f})",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


LINES = (
    ("#0b5cad", "audit of files", "files"),
    ("#8a8f98", "bare decode", "bare"),
    ("#e0a100", "snapshot", "snapshot"),
)


def plot(rows: list[Row]) -> str:
    """Seconds against pods, as a plain SVG."""
    width, height, left, bottom = 640, 320, 60, 40
    most_pods, most = max(r.pods for r in rows), max(max(r.files.wall, r.bare.wall) for r in rows)

    def point(pods: int, seconds: float) -> str:
        x = left + pods / most_pods * (width - left - 20)
        return f"{x:.1f},{height - bottom - seconds / most * (height - bottom - 20):.1f}"

    lines = []
    for number, (color, name, side) in enumerate(LINES):
        points = " ".join(point(row.pods, getattr(row, side).wall) for row in rows)
        lines.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2"/>')
        lines.append(f'<text x="{left + 12}" y="{24 + 18 * number}" fill="{color}">{name}</text>')
    axes = (
        f'<path d="M{left} 10V{height - bottom}H{width - 10}" fill="none" stroke="#8a8f98"/>'
        f'<text x="{width - 10}" y="{height - 12}" text-anchor="end" fill="#8a8f98">{most_pods:,} pods</text>'
        f'<text x="{left - 6}" y="24" text-anchor="end" fill="#8a8f98">{most:.1f} s</text>'
    )
    font = 'font-family="sans-serif" font-size="13"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {font}>'
    return f"{head}{axes}{''.join(lines)}</svg>\n"


def write(rows: list[Row]) -> None:
    """Renew the page and its plot."""
    page = ROOT / "docs" / "performance.md"
    before, mark, rest = page.read_text().partition(MARKS[0])
    page.write_text(before + mark + table(rows) + MARKS[1] + rest.partition(MARKS[1])[2])
    images = ROOT / "docs" / "images"
    images.mkdir(exist_ok=True)
    (images / "audit-growth.svg").write_text(plot(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    rows = [measure(int(size), given.rounds) for size in given.sizes.split(",")]
    print(table(rows))
    if given.write:
        write(rows)


if __name__ == "__main__":
    main()
