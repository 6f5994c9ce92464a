"""Injected faults, as Envoy's filter injects them. A fault that Envoy would not take is left out."""

from collections.abc import Iterable

from envoy.extensions.filters.http.fault.v3.fault_pb2 import FaultAbort, HTTPFault
from envoy.type.v3.percent_pb2 import FractionalPercent

from sidestep.controlplane.generators.http.durations import readable
from sidestep.semantics.routing.faults import Abort, Delay, Fault

_GRPC = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
_MILLION = 10**6
STATUSES = range(200, 600)
"""With which Envoy answers."""


def faulty(faults: Iterable[Fault]) -> HTTPFault | None:
    """What a route injects; None for nothing."""
    found = HTTPFault()
    for each in faults:
        match each:
            case Delay(time=time, percent=percent):
                fixed = readable(time)
                if fixed is not None:
                    found.delay.fixed_delay.CopyFrom(fixed)
                    found.delay.percentage.CopyFrom(share(percent))
            case Abort() if usable(each):
                found.abort.CopyFrom(_abort(each))
            case _:
                pass
    return found if found.HasField("delay") or found.HasField("abort") else None


def usable(fault: Fault) -> bool:
    """Whether Envoy knows such a fault."""
    match fault:
        case Delay(time=time):
            return readable(time) is not None
        case Abort(status=None, grpc=name):
            return name in _GRPC
        case Abort(status=status):
            return status in STATUSES


def share(percent: float) -> FractionalPercent:
    """So many of a hundred."""
    numerator = min(max(round(percent * _MILLION / 100), 0), _MILLION)
    return FractionalPercent(numerator=numerator, denominator=FractionalPercent.DenominatorType.MILLION)


def _abort(fault: Abort) -> FaultAbort:
    if fault.status is None:
        return FaultAbort(grpc_status=_GRPC.index(fault.grpc), percentage=share(fault.percent))
    return FaultAbort(http_status=fault.status, percentage=share(fault.percent))
