"""A span, and the header by which traces go on (W3C Trace Context)."""

import re
from collections.abc import Callable
from enum import StrEnum

from msgspec import Struct

TRACEPARENT = "traceparent"
_FORM = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?")
_SAMPLED = 1
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


class SpanKind(StrEnum):
    """Which side of a request."""

    SERVER = "server"
    CLIENT = "client"
    INTERNAL = "internal"


class Span(Struct, frozen=True, omit_defaults=True):
    """One piece of work.

    Attributes:
        trace: 32 hexadecimal digits.
        id: 16 of them.
        parent: of the span within which it was; empty for none.
        name: what was done.
        kind: which side of a request.
        service: whose work it was.
        start: nanoseconds since 1970.
        end: likewise.
        failed: it did not succeed.
        attributes: what else is known.
    """

    trace: str
    id: str
    name: str
    kind: SpanKind
    service: str
    start: int
    end: int
    parent: str = ""
    failed: bool = False
    attributes: dict[str, str] = {}


class Context(Struct, frozen=True):
    """Where in a trace somebody is.

    Attributes:
        trace: which.
        span: within which span; empty at its beginning.
        sampled: whether it is kept.
    """

    trace: str
    span: str = ""
    sampled: bool = True

    def header(self, span: str) -> str:
        """What a request carries that is part of a span."""
        return f"00-{self.trace}-{span}-{int(self.sampled):02x}"


def context_of(header: str) -> Context | None:
    """What a request carries; None where it is none."""
    found = _FORM.fullmatch(header.strip())
    if found is None or found[1] == _NO_TRACE or found[2] == _NO_SPAN:
        return None
    return Context(found[1], found[2], sampled=bool(int(found[3], 16) & _SAMPLED))


def new_trace(random: Callable[[int], bytes]) -> Context:
    """A trace that begins here."""
    return Context(random(16).hex())
