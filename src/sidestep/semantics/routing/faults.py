"""Faults that a rule injects.

Source: pilot/pkg/networking/core/route/route.go (TranslateFault); istio/api networking/v1alpha3/virtual_service.proto.
"""

from msgspec import Struct

from sidestep.semantics.trees import MalformedError, mapping, text, whole


class Delay(Struct, frozen=True):
    """Some requests wait: how long, as written, and how many of a hundred."""

    time: str
    percent: float

    def __str__(self) -> str:
        """In words."""
        return f"delay {self.time} for {self.percent:g}%"


class Abort(Struct, frozen=True):
    """Some requests are answered at once.

    Attributes:
        percent: how many of a hundred.
        status: of the answer; None for one of gRPC.
        grpc: name of gRPC's status.
    """

    percent: float
    status: int | None = None
    grpc: str = ""

    def __str__(self) -> str:
        """In words."""
        with_what = f"gRPC {self.grpc}" if self.status is None else str(self.status)
        return f"abort with {with_what} for {self.percent:g}%"


Fault = Delay | Abort


def faults(value: object, field: str) -> tuple[Fault, ...]:
    """Injected faults; one for 0 % of requests is none, and that is what is meant where no share is given.

    Raises:
        MalformedError: a field has a wrong type.
    """
    tree = mapping(value, field)
    return (*_delay(tree.get("delay"), f"{field}.delay"), *_abort(tree.get("abort"), f"{field}.abort"))


def percentage(value: object, field: str) -> float | None:
    """A Percent; None when absent.

    Raises:
        MalformedError: it is no number.
    """
    if value is None:
        return None
    share = mapping(value, field).get("value")
    if share is None:
        return 0.0
    if isinstance(share, bool) or not isinstance(share, int | float):
        raise MalformedError(f"{field}.value: expected a number")
    return float(share)


def _delay(value: object, field: str) -> tuple[Delay, ...]:
    tree = mapping(value, field)
    fixed = text(tree.get("fixedDelay"), f"{field}.fixedDelay")
    share = percentage(tree.get("percentage"), f"{field}.percentage")
    if share is None:
        share = float(whole(tree.get("percent"), f"{field}.percent") or 0)
    return (Delay(fixed, share),) if fixed and share else ()


def _abort(value: object, field: str) -> tuple[Abort, ...]:
    tree = mapping(value, field)
    share = percentage(tree.get("percentage"), f"{field}.percentage") or 0.0
    status = whole(tree.get("httpStatus"), f"{field}.httpStatus")
    grpc = text(tree.get("grpcStatus"), f"{field}.grpcStatus")
    return (Abort(share, status, grpc),) if (status is not None or grpc) and share else ()
