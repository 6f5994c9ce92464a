"""Speed and memory of proofs: of a migrated mesh, of one that is broken, and of one pathological service.

    python -m bench.prove [--sizes 50,200,1000] [--write]

Sizes are numbers of namespaces: each has twenty services, ten policies and five routes. Every measurement is a process
of its own. `--write` renews the table of docs/performance.md.
"""

import argparse
import gc
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

from bench.prove_mesh import Faults, Size, mesh, pathological
from sidestep.prove.prover import Terms, prove
from sidestep.semantics.index import MeshIndex

ROOT = Path(__file__).resolve().parent.parent
MARKS = ("<!-- prove table -->\n", "<!-- end of prove table -->")
SIZES = (50, 200, 1_000)


def size_of(namespaces: int) -> Size:
    return Size(namespaces, namespaces * 20, namespaces * 10, namespaces * 5)


def measure(what: str, namespaces: int) -> dict[str, object]:
    """One proof in this process, without what it takes to make the meshes."""
    size = size_of(namespaces)
    if what == "rules":
        before, after = pathological(500, same=False), pathological(500, same=True)
        terms = Terms()
    else:
        faults = Faults(frozenset({size.services // 2})) if what == "broken" else Faults()
        before, after = mesh(size, after=what == "broken"), mesh(size, after=True, faults=faults)
        terms = Terms(most=1) if what == "broken" else Terms()
    gc.collect()
    gc.freeze()
    gc.disable()
    start, cpu = time.perf_counter(), time.process_time()
    found = prove(MeshIndex.of(before), MeshIndex.of(after), terms)
    return {
        "what": what,
        "namespaces": namespaces,
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "verdict": found.verdict.value,
        "ways": found.ways,
        "requests": found.requests,
        "undecided": [each.reason for each in found.undecided[:1]],
    }


def run(what: str, namespaces: int) -> dict[str, object]:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "bench.prove", "--one", what, str(namespaces)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    return json.loads(done.stdout)


def table(rows: list[dict[str, object]]) -> str:
    """Markdown."""
    titles = ("proof", "services", "policies", "routes", "verdict", "ways", "requests", "s (CPU)", "peak MiB")
    lines = [f"| {' | '.join(titles)} |", "| --- |" + " ---: |" * (len(titles) - 1)]
    for row in rows:
        size = size_of(int(str(row["namespaces"])))
        counts = (
            ("1", "500", "0")
            if row["what"] == "rules"
            else tuple(f"{each:,}" for each in (size.services, size.policies, size.routes))
        )
        cells = (
            str(row["what"]), *counts, str(row["verdict"]), f"{row['ways']:,}", f"{row['requests']:,}",
            f"{row['seconds']:.2f} ({row['cpu']:.2f})", f"{row['peak']:,.0f}",
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def write(text: str) -> None:
    """Renew the page."""
    page = ROOT / "docs" / "performance.md"
    before, mark, rest = page.read_text().partition(MARKS[0])
    page.write_text(before + mark + text + MARKS[1] + rest.partition(MARKS[1])[2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--one", nargs=2, metavar=("WHAT", "NAMESPACES"))
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one[0], int(given.one[1]))))
        return
    sizes = [int(size) for size in given.sizes.split(",")]
    rows = [run("whole", size) for size in sizes] + [run("broken", sizes[-1]), run("rules", 1)]
    print(table(rows))
    if given.write:
        write(table(rows))


if __name__ == "__main__":
    main()
