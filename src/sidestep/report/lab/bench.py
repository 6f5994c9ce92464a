"""A benchmark for a terminal."""

from sidestep.lab.bench.outcome import Bench
from sidestep.lab.bench.samples import STALL
from sidestep.report.lab.bench_tables import Table, calm, tables
from sidestep.report.lab.tables import table

RATIOS = "x: what is added to no mesh, by what the sidecar pair adds; of CPU, starts and memory, all of it"


def text(bench: Bench, width: int | None = None) -> str:
    """All tables.

    Args:
        bench: what was measured.
        width: of the terminal; None for none.
    """
    shown = [_shown(each, width) for each in tables(bench)]
    failed = [f"not measured: {bench.titles.get(name, name)}: {why}\n" for name, why in bench.failures.items()]
    return "\n".join(("\n".join((*about(bench), RATIOS)) + "\n", *shown, *failed))


def about(bench: Bench) -> tuple[str, str]:
    """On what, and how it was measured."""
    machine, asked = bench.machine, bench.asked
    envoy = f"Envoy {machine.envoy}, load before {machine.load:.1f}"
    left_out = len(bench.samples) - len(calm(bench))
    still = f"; {left_out} left out, in which the machine stood still for over {STALL * 1000:g} ms" if left_out else ""
    return (
        f"{machine.cores} cores of {machine.processor}, Linux {machine.kernel}, {envoy}",
        f"medians of {asked.rounds} rounds of {asked.seconds:g} s, {asked.connections} connections{still}",
    )


def _shown(shown: Table, width: int | None) -> str:
    rows = [dict(zip(shown.headings, line, strict=True)) for line in shown.lines]
    columns = {heading: (lambda row, heading=heading: str(row[heading])) for heading in shown.headings}
    return table(rows, columns, width)
