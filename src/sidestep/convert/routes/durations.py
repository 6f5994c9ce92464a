"""Lengths of time as the Gateway API writes them (GEP-2257: whole milliseconds)."""

import re

from sidestep.semantics.lengths import seconds

_GATEWAY_API = re.compile(r"(?:[0-9]{1,5}(?:h|m|s|ms)){1,4}")
_MOST = 99_999


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
