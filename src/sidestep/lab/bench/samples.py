"""What was measured, and what follows from it: medians of rounds, with their spread."""

from collections.abc import Iterable, Mapping
from statistics import median

from msgspec import Struct

from sidestep.lab.agent.histogram import Histogram, merged

STALL = 0.02
"""Seconds: a round in which the machine itself stood still for longer is left out while enough others are left."""


class Sample(Struct, frozen=True):
    """One load in one scenario of one round.

    Attributes:
        scenario: its name.
        load: which load, by its name.
        round: its number.
        count: requests that were due; bytes, for one connection as fast as it goes.
        failed: requests without a good answer.
        seconds: how long it was asked for.
        latency: microseconds from when each request was due.
        cpu: seconds by role of proxy (`sidecar`, `node`, `waypoint`, `gateway`).
        stall: the longest, in seconds, by which a nap that nothing disturbs was too long meanwhile.
        handshakes: connections of TLS that were opened to proxies.
    """

    scenario: str
    load: str
    round: int
    count: float
    failed: int
    seconds: float
    latency: Histogram
    cpu: Mapping[str, float]
    stall: float
    handshakes: int = 0

    def figures(self) -> dict[str, float]:
        """What is told of it, by name: microseconds, CPU microseconds a request, handshakes of a thousand requests."""
        told = {name: self.latency.quantile(share) for name, share in QUANTILES.items()}
        done = max(self.count - self.failed, 1)
        per = {f"cpu {role}": spent / done * 1e6 for role, spent in self.cpu.items()}
        whole = {"cpu": sum(self.cpu.values()) / done * 1e6, "handshakes": self.handshakes / done * 1e3}
        return {**told, **per, **whole, "failed": float(self.failed)}


QUANTILES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}


class Spread(Struct, frozen=True):
    """A figure over rounds: the one in the middle, the least, the most."""

    median: float
    least: float
    most: float


def kept(samples: Iterable[Sample]) -> tuple[Sample, ...]:
    """Samples without those during which the machine stood still; all, where that would leave less than half."""
    every = tuple(samples)
    calm = tuple(each for each in every if each.stall <= STALL)
    return calm if 2 * len(calm) >= len(every) else every


def spreads(samples: Iterable[Sample]) -> dict[str, Spread]:
    """Each figure of one scenario and load, over its rounds."""
    told = [each.figures() for each in kept(samples)]
    names = dict.fromkeys(name for each in told for name in each)
    return {name: _spread([each.get(name, 0.0) for each in told]) for name in names}


def curve(samples: Iterable[Sample]) -> Histogram:
    """Latencies of all rounds together."""
    return merged(each.latency for each in kept(samples))


def _spread(values: list[float]) -> Spread:
    return Spread(median(values), min(values), max(values))
