"""What a benchmark found, as tables of cells: what is added to no mesh, and how that compares with sidecars."""

from collections.abc import Iterator
from statistics import median

from msgspec import Struct

from sidestep.lab.bench.outcome import Bench
from sidestep.lab.bench.samples import Sample, kept, spreads
from sidestep.lab.bench.scenarios import BASE, PAIR

_MIB = 2**20


class Column(Struct, frozen=True):
    """A column of a load's table.

    Attributes:
        title: its heading.
        figure: of `samples.spreads`.
        compared: its ratio to the sidecar pair's is told.
        added: of what came on top of no mesh.
    """

    title: str
    figure: str
    compared: bool = True
    added: bool = True


COLUMNS = (
    Column("P50 µs", "p50"),
    Column("P90 µs", "p90"),
    Column("P99 µs", "p99"),
    Column("P99.9 µs", "p999", compared=False),
    Column("CPU µs/REQUEST", "cpu", added=False),
    Column("FAILED", "failed", compared=False),
)


class Table(Struct, frozen=True):
    """Headings, and cells of each line."""

    headings: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]


def tables(bench: Bench) -> Iterator[Table]:
    """All of them."""
    for load in bench.loads():
        timed = any(each.latency.buckets for each in bench.samples if each.load == load)
        yield _timed(bench, load) if timed else _carried(bench, load)
    if any(bench.starts.values()):
        yield _starts(bench)
    if bench.memory:
        yield _memory(bench)


def calm(bench: Bench) -> list[Sample]:
    """Samples that count: not those during which the machine stood still."""
    return [each for load in bench.loads() for name in bench.measured() for each in kept(bench.of(name, load))]


def ratios(bench: Bench, load: str, column: Column) -> dict[str, float]:
    """By scenario: a figure, divided by that of the sidecar pair; of latencies, what came on top of no mesh."""
    found = {name: spreads(bench.of(name, load)) for name in bench.measured()}
    values = {name: figures[column.figure].median for name, figures in found.items() if column.figure in figures}
    base = values.get(BASE, 0.0) if column.added else 0.0
    pair = values.get(PAIR, 0.0)
    if not column.compared or pair <= base:
        return {}
    return {name: (value - base) / (pair - base) for name, value in values.items() if name != BASE}


def _timed(bench: Bench, load: str) -> Table:
    compared = {column.figure: ratios(bench, load, column) for column in COLUMNS}
    lines = []
    for name in bench.measured():
        figures = spreads(bench.of(name, load))
        cells = (_cell(figures[each.figure].median, compared[each.figure].get(name)) for each in COLUMNS)
        lines.append((bench.titles[name], *cells))
    return Table((load.upper(), *(each.title for each in COLUMNS)), tuple(lines))


def _carried(bench: Bench, load: str) -> Table:
    rates = {
        name: median(each.count / each.seconds for each in kept(bench.of(name, load))) for name in bench.measured()
    }
    lines = ((bench.titles[name], f"{rate / 1e9:.2f}") for name, rate in rates.items())
    return Table((load.upper(), "GB/s"), tuple(lines))


def _starts(bench: Bench) -> Table:
    took = {name: median(each) * 1000 for name, each in bench.starts.items() if each}
    return _beside_pair(bench, ("START OF A POD", "FIRST ANSWER AFTER ms"), took, "{:,.0f}", "{:.2f}")


def _memory(bench: Bench) -> Table:
    more = {name: max(sum(roles.values()), 0.0) / _MIB for name, roles in bench.memory.items()}
    return _beside_pair(bench, (f"{bench.asked.pods} PODS MORE", "MiB OF PROXIES MORE"), more, "{:,.1f}", "{:.3f}")


def _beside_pair(bench: Bench, headings: tuple[str, str], values: dict[str, float], form: str, ratio: str) -> Table:
    pair = values.get(PAIR, 0.0)
    cells = {
        name: form.format(value) + (f" ({ratio.format(value / pair)}x)" if pair > 0 and name != BASE else "")
        for name, value in values.items()
    }
    return Table(headings, tuple((bench.titles[name], cell) for name, cell in cells.items()))


def _cell(value: float, ratio: float | None) -> str:
    return f"{value:,.0f}" + (f" ({ratio:.2f}x)" if ratio is not None else "")
