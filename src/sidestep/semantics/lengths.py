"""Lengths of time as Istio's objects and the Gateway API's write them: one may be written in many ways."""

import re
from fractions import Fraction

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|us|µs|ns|h|m|s)")
_WRITTEN = re.compile(rf"(?:{_PART.pattern})+")
_SECONDS = {
    "h": Fraction(3600), "m": Fraction(60), "s": Fraction(1), "ms": Fraction(1, 1000),
    "us": Fraction(1, 10**6), "µs": Fraction(1, 10**6), "ns": Fraction(1, 10**9),
}  # fmt: skip


def seconds(written: str) -> Fraction | None:
    """How long; None for a text that is no length of time."""
    if not _WRITTEN.fullmatch(written):
        return None
    return sum((Fraction(number) * _SECONDS[unit] for number, unit in _PART.findall(written)), Fraction(0))
