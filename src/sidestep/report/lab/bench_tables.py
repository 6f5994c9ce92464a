"""What a benchmark found, as tables of cells: what is added to no mesh, and how that compares with sidecars."""

from collections.abc import Iterator
from statistics import median

from msgspec import Struct

from sidestep.lab.bench.knee import LATE, Step, knee
from sidestep.lab.bench.outcome import SATURATION, Bench
from sidestep.lab.bench.samples import Sample, kept, spreads
from sidestep.lab.bench.scenarios import BASE, PAIR

_KIB, _MIB = 2**10, 2**20


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
    Column("TLS/1000", "handshakes", compared=False),
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
        yield _timed(bench, load) if timed else _saturated(bench) if load == SATURATION else _carried(bench, load)
    if bench.knees:
        yield _knees(bench)
    if any(bench.edits.values()):
        yield _edits(bench)
    if any(bench.starts.values()):
        yield _starts(bench)
    if bench.memory:
        yield _memory(bench)
    if bench.streams:
        yield _streams(bench)


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


def _saturated(bench: Bench) -> Table:
    """How many requests are answered at most, and what each costs then."""
    found = {name: kept(bench.of(name, SATURATION)) for name in bench.measured()}
    rates = {name: median((each.count - each.failed) / each.seconds for each in own) for name, own in found.items()}
    cpu = {name: spreads(own)["cpu"].median for name, own in found.items()}
    pair = rates.get(PAIR, 0.0)
    lines = (
        (bench.titles[name], _cell(rate, rate / pair if pair > 0 and name != BASE else None), f"{cpu[name]:,.0f}")
        for name, rate in rates.items()
    )
    return Table((SATURATION.upper(), "REQUESTS/s", "CPU µs/REQUEST"), tuple(lines))


def _knees(bench: Bench) -> Table:
    """Up to which rate requests are carried, and what becomes of them at the next."""
    found = {name: knee(steps) for name, steps in bench.knees.items()}
    carried = {name: each.rate if each is not None else 0.0 for name, each in found.items()}
    pair = carried.get(PAIR, 0.0)
    lines = []
    for name, rate in carried.items():
        own, last = found[name], bench.knees[name][-1]
        cell = _cell(rate, rate / pair if pair > 0 and name != BASE else None) if own else f"below {last.rate:,.0f}"
        beyond = "" if last.carried else _late(last)
        lines.append((bench.titles[name], cell, f"{own.p99:,.0f}" if own else "", beyond))
    heading = f"KNEE: P99 WITHIN {LATE / 1000:g} ms"
    return Table((heading, "REQUESTS/s", "P99 µs THERE", "BEYOND"), tuple(lines))


def _late(step: Step) -> str:
    failed = f", {step.failed:.1%} failed" if step.failed else ""
    return f"{step.rate:,.0f}/s: {step.p99 / 1000:,.0f} ms{failed}"


def _starts(bench: Bench) -> Table:
    took = {name: median(each) * 1000 for name, each in bench.starts.items() if each}
    return _beside_pair(bench, ("START OF A POD", "FIRST ANSWER AFTER ms"), took, "{:,.0f}", "{:.2f}")


def _edits(bench: Bench) -> Table:
    """How soon edits are in force, and what they cut."""
    found = {name: each for name, each in bench.edits.items() if each}
    whats = tuple(dict.fromkeys(edit.what for each in found.values() for edit in each))
    lines = []
    for name, own in found.items():
        took = {what: [each.seconds * 1000 for each in own if each.what == what] for what in whats}
        cells = (f"{median(each):,.0f}" if each else "" for each in took.values())
        lines.append((bench.titles[name], *cells, f"{sum(each.cut for each in own)}"))
    return Table(("AN EDIT IN FORCE", *(f"{what.upper()} AFTER ms" for what in whats), "CONNECTIONS CUT"), tuple(lines))


def _memory(bench: Bench) -> Table:
    more = {name: max(sum(roles.values()), 0.0) / _MIB for name, roles in bench.memory.items()}
    return _beside_pair(bench, (f"PROXIES OF {bench.asked.pods} PODS", "MiB"), more, "{:,.1f}", "{:.3f}")


def _streams(bench: Bench) -> Table:
    """Of each stream, in all proxies on its way together."""
    count = max(bench.asked.streams, 1)
    more = {name: max(sum(roles.values()), 0.0) / _KIB / count for name, roles in bench.streams.items()}
    return _beside_pair(
        bench, (f"{bench.asked.streams} STREAMS OPEN", "KiB OF PROXIES EACH"), more, "{:,.1f}", "{:.2f}"
    )


def _beside_pair(bench: Bench, headings: tuple[str, str], values: dict[str, float], form: str, ratio: str) -> Table:
    pair = values.get(PAIR, 0.0)
    cells = {
        name: form.format(value) + (f" ({ratio.format(value / pair)}x)" if pair > 0 and name != BASE else "")
        for name, value in values.items()
    }
    return Table(headings, tuple((bench.titles[name], cell) for name, cell in cells.items()))


def _cell(value: float, ratio: float | None) -> str:
    return f"{value:,.0f}" + (f" ({ratio:.2f}x)" if ratio is not None else "")
