"""How a run is named, so that the newest is the last by name."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

_SHAPE = "%Y%m%d-%H%M%S"
_LENGTH = len("20260102-030405")


def name_of_run(at: datetime, digest: str, before: Iterable[str]) -> str:
    """By its time, in UTC to the second, and by its plan: `20260102-030405-9c71`.

    Args:
        at: when it begins.
        digest: of its plan.
        before: names of the runs of the same place; of another shape, they say no time.

    Returns:
        A time that is later than theirs: of two runs of one second, and of one by a clock that was ahead, the second
            would otherwise have the name of the first, or stand before it.
    """
    second = at.astimezone(UTC).replace(microsecond=0)
    earliest = max((told + timedelta(seconds=1) for name in before if (told := _told(name))), default=second)
    return f"{max(second, earliest).strftime(_SHAPE)}-{digest[:4]}"


def _told(name: str) -> datetime | None:
    try:
        return datetime.strptime(name[:_LENGTH], _SHAPE).replace(tzinfo=UTC)
    except ValueError:
        return None
