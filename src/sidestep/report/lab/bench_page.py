"""A benchmark as a page: tables, curves of latency, and where most requests are."""

from sidestep.lab.bench.outcome import Bench
from sidestep.lab.bench.samples import curve
from sidestep.report.html.curves import curves, heat
from sidestep.report.html.frame import Frame, fill
from sidestep.report.lab.bench import RATIOS, about
from sidestep.report.lab.bench_tables import tables

_FRAME = Frame("bench.html", (), ("page.css", "bench.css"))


def page(bench: Bench) -> str:
    """The page."""
    told = {
        "about": about(bench),
        "ratios": RATIOS,
        "tables": list(tables(bench)),
        "pictures": [each for load in bench.loads() if (each := _pictures(bench, load))],
        "failures": [(bench.titles.get(name, name), why) for name, why in bench.failures.items()],
    }
    return fill(_FRAME, told, {})


def _pictures(bench: Bench, load: str) -> dict[str, object]:
    found = {bench.titles[name]: curve(bench.of(name, load)) for name in bench.measured()}
    if not any(each.buckets for each in found.values()):
        return {}
    return {
        "load": load,
        "curves": curves(found, f"Latency of {load} by share of requests"),
        "heat": heat(found, f"How many requests of {load} took how long"),
    }
