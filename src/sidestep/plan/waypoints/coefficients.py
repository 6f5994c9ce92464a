"""What load costs a waypoint: published and measured figures, to be replaced by those of one's own lab."""

from collections.abc import Mapping
from math import isfinite

from msgspec import Struct, field, structs

from sidestep.errors import UsageError

_MIB = 2**20
_KIB = 2**10

DEFAULT_SOURCES: Mapping[str, str] = {
    "millicores_per_1000_rps": (
        "Istio's load test since 1.24: 0.25 vCPU for 1,000 requests/s of 1 KB; the raw data of BuoyantIO's "
        "great-sidecar-debate give 0.26 (2.81 cores, 1,200 entries/s of nine calls)"
    ),
    "millicores_per_mb_s": (
        "Envoy 1.40, HTTP over mTLS on both sides, bodies of 1 MiB: 0.78 GB/s on one core, 1.28 millicores per MB/s; "
        "times 1.8, by which Istio's figure per request exceeds that machine's (140 millicores per 1,000 requests/s)"
    ),
    "memory_base_bytes": "Istio's load test since 1.24: 60 MB; idle Envoy 1.40 61 to 66 MB resident",
    "bytes_per_1000_rps": "Envoy 1.40 at 1,000 requests/s: 3 to 5 MB above idle",
    "bytes_per_connection": "assumed, not measured: buffers of both sides of a stream",
    "bytes_per_service": "Envoy 1.40, a filter chain per service as istiod writes it: 107 KiB with two endpoints",
    "bytes_per_endpoint": "Envoy 1.40, clusters of one and of ten endpoints: 44 and 75 KiB",
}


class Coefficients(Struct, frozen=True, rename="camel"):
    """What each unit of load takes.

    Attributes:
        millicores_per_1000_rps: CPU for 1,000 requests/s, thousandths of a core.
        millicores_per_mb_s: CPU for 10^6 bytes per second, both ways together.
        memory_base_bytes: of an idle waypoint without configuration.
        bytes_per_1000_rps: memory above that at 1,000 requests/s.
        bytes_per_connection: memory of an open connection.
        bytes_per_service: configuration of a service without endpoints.
        bytes_per_endpoint: configuration of one endpoint.
        sources: where each figure comes from, by its name.
    """

    millicores_per_1000_rps: float = 250.0
    millicores_per_mb_s: float = 2.3
    memory_base_bytes: float = 60.0 * _MIB
    bytes_per_1000_rps: float = 4.0 * _MIB
    bytes_per_connection: float = 128.0 * _KIB
    bytes_per_service: float = 100.0 * _KIB
    bytes_per_endpoint: float = 3.5 * _KIB
    sources: Mapping[str, str] = field(default_factory=lambda: DEFAULT_SOURCES)

    def source(self, name: str) -> str:
        """Where a figure comes from, in a sentence."""
        return self.sources.get(name, "given by the caller")


def measured(source: str, **figures: float) -> Coefficients:
    """The defaults with figures replaced by those that were measured.

    Args:
        source: where and when, in a sentence.
        figures: by the names of `Coefficients`.
    """
    unknown = sorted(set(figures) - set(DEFAULT_SOURCES))
    if unknown:
        raise UsageError(
            f"no such coefficient: {', '.join(unknown)}",
            where="coefficients of waypoints",
            remedy=f"use one of {', '.join(DEFAULT_SOURCES)}",
        )
    sources = {**DEFAULT_SOURCES, **dict.fromkeys(figures, source)}
    replaced = structs.replace(Coefficients(sources=sources), **figures)
    check(replaced)
    return replaced


def check(coefficients: Coefficients) -> None:
    """Refuse what cannot be: not a number, infinite, negative."""
    for name in DEFAULT_SOURCES:
        value = getattr(coefficients, name)
        if not isfinite(value) or value < 0:
            raise UsageError(
                f"{name} is {value}, which no waypoint takes",
                where="coefficients of waypoints",
                remedy="give a finite number, zero or more",
            )
