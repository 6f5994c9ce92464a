"""Spans of a built-in workload: of each request that it answers, and of each call that it makes meanwhile.

A trace that comes in goes on, kept or not as it says; the workload begins one of itself for the share of requests that
its behaviour names, as a program with OpenTelemetry's SDK does.
"""

import os
import time
from collections.abc import Callable, Iterable

from sidestep.lab.traces.spans import TRACEPARENT, Context, Span, SpanKind, context_of, new_trace
from sidestep.lab.workload.exchange import Asked, Headers

_ERRORS = 500
Keep = Callable[[Iterable[Span]], None]


class Work:
    """One request that is being answered.

    Args:
        service: whose work it is.
        context: in which trace.
        asked: the request.
        keep: told of spans.
    """

    def __init__(self, service: str, context: Context, asked: Asked, keep: Keep) -> None:
        self._service, self._context, self._asked, self._keep = service, context, asked, keep
        self._id, self._start = _new_span(), time.time_ns()

    def call(self, headers: Headers, url: str) -> tuple[Headers, Callable[[bool], None]]:
        """Headers of a call, and whom to tell how it ended."""
        own, start = _new_span(), time.time_ns()
        told = tuple(each for each in headers if each[0] != TRACEPARENT)

        def ended(ok: bool) -> None:
            method, _, rest = url.rpartition(" ")
            span = self._span(own, f"{method or 'GET'} {rest}", SpanKind.CLIENT, start, self._id, failed=not ok)
            self._keep((span,))

        return (*told, (TRACEPARENT, self._context.header(own))), ended

    def end(self, status: int) -> None:
        """It was answered."""
        name = f"{self._asked.method} {self._asked.path.partition('?')[0]}"
        attributes = {"http.response.status_code": str(status), "client.address": self._asked.peer.remote}
        span = self._span(
            self._id, name, SpanKind.SERVER, self._start, self._context.span, failed=status >= _ERRORS, **attributes
        )
        self._keep((span,))

    def _span(  # noqa: PLR0913 - what a span is made of
        self, own: str, name: str, kind: SpanKind, start: int, parent: str, *, failed: bool, **attributes: str
    ) -> Span:
        now = time.time_ns()
        return Span(self._context.trace, own, name, kind, self._service, start, now, parent, failed, attributes)


class Tracer:
    """Makes spans.

    Args:
        service: whose.
        keep: told of them; None where nobody keeps any.
        begins: told whether a request that is in no trace begins one.
    """

    def __init__(self, service: str, keep: Keep | None, begins: Callable[[], bool]) -> None:
        self._service, self._keep, self._begins = service, keep, begins

    def begin(self, asked: Asked) -> Work | None:
        """A request came; None where nobody is to know."""
        if self._keep is None:
            return None
        header = asked.header(TRACEPARENT)
        context = context_of(header) if header else None
        if context is None:
            context = new_trace(os.urandom) if self._begins() else None
        if context is None or not context.sampled:
            return None
        return Work(self._service, context, asked, self._keep)


def _new_span() -> str:
    return os.urandom(8).hex()
