"""From the answers for some namespaces to the use of their workloads."""

from collections.abc import Mapping

from msgspec import Struct

from sidestep.model.metadata import WorkloadRef
from sidestep.model.telemetry import ProxyUse, Spread
from sidestep.sources.telemetry.series import Attribution, Values


class Figures(Struct, frozen=True):
    """Answers by series, CPU in thousandths of a core and memory in bytes: p50, p95 and maximum of the sums.

    Attributes:
        cpu: all proxies of a workload together.
        memory: likewise.
        busiest: 95th percentile of the busiest single proxy's CPU; empty where it was not answered.
        largest: maximum of the largest single proxy's memory; likewise.
        samples: points behind the figures; likewise.
    """

    cpu: tuple[Values, Values, Values]
    memory: tuple[Values, Values, Values]
    busiest: Values
    largest: Values
    samples: Values


class Use(Struct, frozen=True):
    """What workloads used; `halves` have memory without CPU or the other way round, and are left out."""

    proxies: Mapping[WorkloadRef, ProxyUse]
    halves: int


def use_of(figures: Figures, attribution: Attribution) -> Use:
    """The use by workload; a workload of which a figure is missing has none, rather than one that is 0."""
    cpu = _spreads(figures.cpu, attribution)
    memory = _spreads(figures.memory, attribution)
    busiest, largest = attribution.highest(figures.busiest), attribution.highest(figures.largest)
    samples = attribution.highest(figures.samples)
    whole = cpu.keys() & memory.keys()
    proxies = {
        ref: ProxyUse(cpu[ref], memory[ref], largest.get(ref), busiest.get(ref), round(samples.get(ref, 0)))
        for ref in sorted(whole)
    }
    return Use(proxies, len(cpu.keys() | memory.keys()) - len(whole))


def _spreads(parts: tuple[Values, Values, Values], attribution: Attribution) -> dict[WorkloadRef, Spread]:
    p50, p95, highest = (attribution.totals(values) for values in parts)
    return {ref: Spread(p50[ref], p95[ref], highest[ref]) for ref in p50.keys() & p95.keys() & highest.keys()}
