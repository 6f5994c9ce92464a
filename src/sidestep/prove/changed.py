"""What two outcomes that both admit do otherwise, in words: where a request ends, and what is done to it on the way."""

import re
from collections.abc import Iterator
from fractions import Fraction

from sidestep.prove.outcome import End, Outcome
from sidestep.semantics.routing.route import Retries

_LINE = ("path", "host")
_TREATMENT = (
    "timeout",
    "retries",
    "mirror",
    "fault",
    "CORS",
    "request headers",
    "response headers",
    "traffic policy",
    "TLS",
)
"""As `outcome` orders them."""
_NONE = "none"
_FRACTION = re.compile(r"\d+(/\d+)?")
_SMALL = 0.005
_MARKS = ("audited", "noted by a dry run")


def changed(one: Outcome, other: Outcome) -> tuple[str, ...]:
    """One line for each thing that is another, e.g. `timeout: 2s before, none after`."""
    sides = [_facets(each) for each in (one, other)]
    names = dict.fromkeys(name for side in sides for name in side)
    told = ((name, *(side.get(name, _NONE) for side in sides)) for name in names)
    return tuple(f"{name}: {before} before, {after} after" for name, before, after in told if before != after)


def _facets(found: Outcome) -> dict[str, str]:
    """By name, what holds on every way on which it arrives; with shares where ways differ."""
    shares: dict[str, dict[str, float]] = {}
    ends = [(end, share) for end, share in found.ends if end.admitted]
    for end, share in ends:
        for name, value in _of(end):
            values = shares.setdefault(name, {})
            values[value] = values.get(value, 0.0) + share
    whole = sum(share for _, share in ends)
    return {name: _shared(values, whole) for name, values in shares.items()}


def _shared(values: dict[str, float], whole: float) -> str:
    if len(values) == 1 and whole - sum(values.values()) < _SMALL:
        return next(iter(values))
    parts = sorted(values.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{value} ({share / whole:.0%})" for value, share in parts)


def _of(end: End) -> Iterator[tuple[str, str]]:
    yield "ends at", end.place
    if end.port:
        yield "port", str(end.port)
    for name, value in zip(_names(end.treatment), end.treatment, strict=True):
        if told := _words(name, value):
            yield name, told
    if end.seen:
        headers, marks = end.seen[0], end.seen[1]
        if isinstance(headers, tuple):
            yield from ((f"header {name}", str(value)) for name, value in headers)
        if isinstance(marks, tuple):
            yield from (("besides", word) for word, is_so in zip(_MARKS, marks, strict=True) if is_so)


def _names(treatment: tuple[object, ...]) -> tuple[str, ...]:
    """Bytes have neither path nor host."""
    return (*_LINE, *_TREATMENT)[-len(treatment) :] if treatment else ()


def _words(name: str, value: object) -> str:
    """A value as people write it; empty for none."""
    if isinstance(value, Retries):
        each = f", {_seconds(value.per_try)} each" if value.per_try else ""
        return f"{value.attempts} on {value.on or 'nothing'}{each}"
    if name == "timeout" and value:
        return _seconds(str(value))
    if isinstance(value, tuple):
        return ", ".join(filter(None, (_part(each) for each in value)))
    return str(value) if value else ""


def _seconds(told: str) -> str:
    """Of a fraction; what no length could be made of as it was written."""
    return f"{float(Fraction(told)):g}s" if _FRACTION.fullmatch(told) else told


def _part(each: object) -> str:
    match each:
        case (float() as share, (str() as place, *_)):
            return f"{share:.3g}% to {place}"
        case tuple():
            return ", ".join(map(str, each))
        case _:
            return str(each)
