"""What applications saw: calls read off their spans, past the spans of proxies between them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_address
from itertools import chain
from urllib.parse import urlsplit

from sidestep.lab.graph.sightings import NOBODY, App, Layer, Sighting
from sidestep.lab.traces.spans import Span, SpanKind

Key = tuple[str, str]
_PROXY = ("component", "proxy")
_REPORTER = "application"
_DOMAIN = ".svc.cluster.local"


def calls(
    spans: Sequence[Span], at: Callable[[str], App | None], serving: Callable[[str], App | None]
) -> Iterator[Sighting]:
    """Calls, each once.

    Args:
        spans: of applications and of proxies.
        at: whose an address is.
        serving: who answers for a host name.
    """
    by_key = {(each.trace, each.id): each for each in spans}
    served = [(each, _caller(each, by_key)) for each in spans if each.kind is SpanKind.SERVER and not _of_proxy(each)]
    unanswered = _Unanswered(spans, (caller for _, caller in served))
    for each, told in served:
        caller = (unanswered.take(each, serving) or told) if told is None or _of_proxy(told) else told
        client = _app(caller) if caller is not None else _from(each, at)
        if client is not None:
            yield _seen(client, _app(each), failed=each.failed or (caller is not None and caller.failed))
    yield from (_seen_unanswered(each, serving) for each in unanswered)


class _Unanswered:
    """Calls of which no server's span tells that it was reached by them.

    Args:
        spans: all.
        told: calls of which one does.
    """

    def __init__(self, spans: Iterable[Span], told: Iterable[Span | None]) -> None:
        answered = {_key(each) for each in told if each is not None}
        self._by_trace: dict[str, list[Span]] = defaultdict(list)
        for each in spans:
            if each.kind is SpanKind.CLIENT and not _of_proxy(each) and _key(each) not in answered:
                self._by_trace[each.trace].append(each)

    def __iter__(self) -> Iterator[Span]:
        return chain.from_iterable(self._by_trace.values())

    def take(self, span: Span, serving: Callable[[str], App | None]) -> Span | None:
        """The call that a request was, by when; no longer among these.

        Spans of the proxies between them are kept elsewhere, or are not there yet.
        """
        here = self._by_trace[span.trace]
        found = _around(span, here, serving)
        if found is not None:
            here.remove(found)
        return found


def _key(span: Span) -> Key:
    return span.trace, span.id


def _around(span: Span, calls: Iterable[Span], serving: Callable[[str], App | None]) -> Span | None:
    found = [
        each
        for each in calls
        if each.service != span.service and each.start <= span.start and span.end <= each.end
    ]  # fmt: skip
    named = [each for each in found if _dialled(each, serving) == _app(span)]
    return (named or found)[0] if named or len(found) == 1 else None


def _caller(span: Span, by_key: Mapping[Key, Span]) -> Span | None:
    """The application's span within which a request came, past those of proxies; else the first of another's proxy."""
    seen, found, own = {span.id}, None, span.service
    while (parent := by_key.get((span.trace, span.parent))) is not None and parent.id not in seen:
        if not _of_proxy(parent):
            return parent
        found = parent if parent.service != own else found
        seen.add(parent.id)
        span = parent
    return found


def _from(span: Span, at: Callable[[str], App | None]) -> App | None:
    """Who calls without a span of its own, where its address still tells."""
    address = span.attributes.get("client.address", "").rpartition(":")[0].strip("[]")
    return at(address) if _is_others(address) else None


def _is_others(address: str) -> bool:
    try:
        return not ip_address(address).is_loopback
    except ValueError:
        return False


def _seen_unanswered(span: Span, serving: Callable[[str], App | None]) -> Sighting:
    """A call of which its server told nothing: it failed, or the server makes no spans."""
    return _seen(_app(span), _dialled(span, serving) or App("", _host(span)), failed=span.failed)


def _dialled(span: Span, serving: Callable[[str], App | None]) -> App | None:
    """Who serves the host that was called."""
    host, space = _host(span), _app(span).namespace
    full = (host, f"{host}{_DOMAIN}", f"{host}.{space}{_DOMAIN}")
    return next((app for each in full if (app := serving(each)) is not None), None)


def _host(span: Span) -> str:
    return urlsplit(span.name.partition(" ")[2]).hostname or ""


def _seen(client: App, server: App, *, failed: bool) -> Sighting:
    return Sighting(client, server, Layer.APPLICATION, _REPORTER, count=1, failed=int(failed))


def _app(span: Span) -> App:
    name, _, space = span.service.rpartition(".")
    return App(space, name) if name else App("", space) if space else NOBODY


def _of_proxy(span: Span) -> bool:
    key, value = _PROXY
    return span.attributes.get(key) == value
