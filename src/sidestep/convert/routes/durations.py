"""Lengths of time: as Istio's objects write them, and as the Gateway API does (GEP-2257: whole milliseconds)."""

import re
from fractions import Fraction

_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ms|us|µs|ns|h|m|s)")
_WRITTEN = re.compile(rf"(?:{_PART.pattern})+")
_GATEWAY_API = re.compile(r"(?:[0-9]{1,5}(?:h|m|s|ms)){1,4}")
_SECONDS = {
    "h": Fraction(3600), "m": Fraction(60), "s": Fraction(1), "ms": Fraction(1, 1000),
    "us": Fraction(1, 10**6), "µs": Fraction(1, 10**6), "ns": Fraction(1, 10**9),
}  # fmt: skip
_MOST = 99_999


def seconds(written: str) -> Fraction | None:
    """How long; None for a text that is no length of time."""
    if not _WRITTEN.fullmatch(written):
        return None
    return sum((Fraction(number) * _SECONDS[unit] for number, unit in _PART.findall(written)), Fraction(0))


def for_gateway_api(written: str) -> str | None:
    """The same length as the Gateway API writes it; None for one that it cannot write."""
    if _GATEWAY_API.fullmatch(written):
        return written
    length = seconds(written)
    if length is None or (length * 1000).denominator != 1:
        return None
    whole, milliseconds = divmod(int(length * 1000), 1000)
    hours, rest = (0, whole) if whole <= _MOST else divmod(whole, 3600)
    if hours > _MOST:
        return None
    parts = [(hours, "h"), (rest, "s"), (milliseconds, "ms")]
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"
