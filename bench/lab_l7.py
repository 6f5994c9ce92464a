"""Layer 7 beside a pair of sidecars, as `sidestep lab bench` measures it, with what is wanted of it."""

from collections.abc import Iterator
from statistics import median

from bench.page import markdown
from sidestep.lab.bench.outcome import Asked, Bench
from sidestep.lab.bench.run import run
from sidestep.lab.bench.samples import spreads
from sidestep.lab.bench.scenarios import BASE, PAIR
from sidestep.lab.bench.scenarios import LARGE as LARGE_SCENARIOS
from sidestep.report.lab.bench_tables import COLUMNS, ratios

LAYER_7, LARGE = "l7", "l7-large"
SCENARIOS = (PAIR, LAYER_7, LARGE)
RATE, PODS = 2000.0, 20
HEADINGS = ("layer 7", "no mesh", "sidecar pair", "waypoint", "ratio", "wanted")
_WANTED = {"p50": "≤ 1.0", "p99": "≤ 1.0", "cpu": "≤ 1.0"}
_MIB = 2**20
_MORE = next(each.more for each in LARGE_SCENARIOS if each.name == LARGE)
Row = tuple[str, ...]


def measure(rounds: int, seconds: float = 3.0) -> Bench:
    """Three ways beside no mesh, at 2,000 requests a second on 32 connections that stay."""
    asked = Asked(SCENARIOS, RATE, 32, seconds, rounds, pods=PODS, starts=5, streams=0, saturation=False, edits=5)
    return run(asked, lambda what, done, parts: print(f"{done} of {parts}: {what}", flush=True))


def table(bench: Bench) -> str:
    """Figures, and what was wanted beside them."""
    failed = "".join(f"\nnot measured: {name}: {why}" for name, why in bench.failures.items())
    return markdown(HEADINGS, list(rows(bench))) + failed


def rows(bench: Bench) -> Iterator[Row]:
    """One of each target, as far as it was measured."""
    load = f"{RATE:g}/s"
    found = {name: spreads(bench.of(name, load)) for name in bench.measured()}
    for column in COLUMNS:
        ratio = ratios(bench, load, column).get(LAYER_7) if column.figure in _WANTED else None
        if ratio is not None:
            cells = (f"{found[name][column.figure].median:,.0f}" for name in (BASE, PAIR, LAYER_7))
            yield (column.title, *cells, f"{ratio:.2f}", _WANTED[column.figure])
    memory = {name: sum(roles.values()) / _MIB for name, roles in bench.memory.items()}
    yield from _beside(f"proxies of {PODS} pods, MiB", memory, "≤ 0.15")
    starts = {name: median(each) * 1000 for name, each in bench.starts.items() if each}
    yield from _beside("first answer of a pod, ms", starts, "≤ 0.4")
    if BASE in starts:
        added = {name: each - starts[BASE] for name, each in starts.items()}
        yield from _beside("of that, what the mesh adds, ms", added, "")
    for name in (LAYER_7, LARGE):
        yield from _edits(bench, name)
    if {BASE, LAYER_7, LARGE} <= found.keys():
        base, one, many = (found[name]["p50"].median for name in (BASE, LAYER_7, LARGE))
        ratio = f"{(many - base) / (one - base):.2f}" if one > base else ""
        yield (
            f"P50 µs with {_MORE} Services and {2 * _MORE:,} policies more",
            f"{base:,.0f}",
            "",
            f"{many:,.0f}",
            ratio,
            "≤ 1.2 of one",
        )


def _edits(bench: Bench, name: str) -> Iterator[Row]:
    """The slowest and the one in the middle, as promises are about every edit."""
    pair, own = bench.edits.get(PAIR, ()), bench.edits.get(name, ())
    if own:
        beside = f"{median(each.seconds for each in pair) * 1000:,.0f}" if pair else ""
        took = sorted(each.seconds * 1000 for each in own)
        middle, cut = f"{median(took):,.0f}, at most {took[-1]:,.0f}", str(sum(each.cut for each in own))
        yield (f"an edit is in force after ms, {bench.titles[name]}", "", beside, middle, "", "< 50")
        yield (f"connections cut by {len(own)} edits, {bench.titles[name]}", "", "", cut, "", "0")


def _beside(title: str, values: dict[str, float], wanted: str) -> Iterator[Row]:
    if values.get(PAIR) and LAYER_7 in values:
        cells = (f"{values.get(name, 0.0):,.0f}" for name in (BASE, PAIR, LAYER_7))
        yield (title, *cells, f"{values[LAYER_7] / values[PAIR]:.2f}", wanted)
