"""What services ask of a waypoint, one by one and together."""

from math import fsum

from msgspec import Struct

MB = 1_000_000
_LARGEST = 1e15


class ServiceLoad(Struct, frozen=True, rename="camel"):
    """What one service brings to the waypoint that it is bound to.

    Attributes:
        namespace: of the service.
        name: of the Service or ServiceEntry.
        requests_per_second: mean over the window.
        peak_requests_per_second: the highest that was seen; the mean counts where it is lower.
        bytes_per_second: received and answered together, mean over the window.
        connections: open at the same time from all clients; 0 where nobody counted them.
        endpoints: of the service, which its waypoint holds as configuration.
        measured: whether the figures were measured; if not, they count as the least of what is assumed.
    """

    namespace: str
    name: str
    requests_per_second: float = 0.0
    peak_requests_per_second: float = 0.0
    bytes_per_second: float = 0.0
    connections: int = 0
    endpoints: int = 0
    measured: bool = False

    @property
    def sane(self) -> bool:
        """Whether every figure is a number that can be: finite and not negative."""
        return all(_can_be(figure) for figure in self._figures)

    @property
    def known(self) -> bool:
        """Whether the figures were measured, and can be."""
        return self.measured and self.sane

    @property
    def peak(self) -> float:
        """Requests per second at the peak."""
        return max(_sane(self.requests_per_second), _sane(self.peak_requests_per_second))

    @property
    def _figures(self) -> tuple[float, ...]:
        rates = (self.requests_per_second, self.peak_requests_per_second, self.bytes_per_second)
        return (*rates, self.connections, self.endpoints)


class Assumption(Struct, frozen=True, rename="camel"):
    """What a service that nobody measured is taken to bring, at least: round numbers, from no source.

    Attributes:
        requests_per_second: at the peak.
        bytes_per_second: both ways.
        connections: at the same time.
    """

    requests_per_second: float = 50.0
    bytes_per_second: float = 100_000.0
    connections: int = 50


class Demand(Struct, frozen=True, rename="camel"):
    """What several services bring together.

    Attributes:
        requests_per_second: the sum of their peaks, as if they came at once.
        bytes_per_second: the sum of their means.
        connections: the sum.
        services: how many.
        endpoints: the sum.
        unmeasured: how many of the services were counted with what is assumed.
    """

    requests_per_second: float = 0.0
    bytes_per_second: float = 0.0
    connections: int = 0
    services: int = 0
    endpoints: int = 0
    unmeasured: int = 0


def together(loads: tuple[ServiceLoad, ...], assumption: Assumption) -> Demand:
    """The sum, to the same digit in whatever order the services come."""
    counted = [_assumed(load, assumption) for load in loads]
    return Demand(
        fsum(load.peak for load in counted),
        fsum(load.bytes_per_second for load in counted),
        sum(load.connections for load in counted),
        len(counted),
        sum(load.endpoints for load in counted),
        sum(not load.known for load in loads),
    )


def _assumed(load: ServiceLoad, assumption: Assumption) -> ServiceLoad:
    """The load itself where it is known; else at least what is assumed."""
    if load.known:
        return load
    peak = max(load.peak, assumption.requests_per_second)
    traffic = max(_sane(load.bytes_per_second), assumption.bytes_per_second)
    connections = max(int(_sane(load.connections)), assumption.connections)
    return ServiceLoad(load.namespace, load.name, peak, peak, traffic, connections, int(_sane(load.endpoints)))


def _sane(figure: float) -> float:
    return figure if _can_be(figure) else 0.0


def _can_be(figure: float) -> bool:
    """False for what is not a number too, which compares with nothing."""
    return 0 <= figure <= _LARGEST
