"""Times as Istio writes them (Go's), as Envoy takes them."""

import re

from google.protobuf.duration_pb2 import Duration

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_NANOSECONDS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def duration(written: str) -> Duration:
    """A time.

    Raises:
        ValueError: it is none.
    """
    text = written.removeprefix("+")
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(written)
    total = sum(round(float(number) * _NANOSECONDS[unit]) for number, unit in parts)
    return Duration(seconds=total // 10**9, nanos=total % 10**9)


def readable(written: str) -> Duration | None:
    """A time that is longer than none; None for anything else."""
    try:
        found = duration(written)
    except ValueError:
        return None
    return found if found.seconds or found.nanos else None
