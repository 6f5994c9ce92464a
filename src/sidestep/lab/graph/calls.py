"""What applications saw: calls read off their spans, past the spans of proxies between them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import ip_address
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
    answered: set[Key] = set()
    for each in spans:
        if each.kind is SpanKind.SERVER and not _of_proxy(each):
            caller = _caller(each, by_key)
            if caller is not None:
                answered.add((caller.trace, caller.id))
            client = _app(caller) if caller is not None else _from(each, at)
            if client is not None:
                failed = each.failed or (caller is not None and caller.failed)
                yield _seen(client, _app(each), failed=failed)
    for each in spans:
        if each.kind is SpanKind.CLIENT and not _of_proxy(each) and (each.trace, each.id) not in answered:
            yield _unanswered(each, serving)


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


def _unanswered(span: Span, serving: Callable[[str], App | None]) -> Sighting:
    """A call of which its server told nothing: it failed, or the server makes no spans."""
    host = urlsplit(span.name.partition(" ")[2]).hostname or ""
    space = _app(span).namespace
    full = (host, f"{host}{_DOMAIN}", f"{host}.{space}{_DOMAIN}")
    found = next((app for each in full if (app := serving(each)) is not None), None)
    return _seen(_app(span), found or App("", host), failed=span.failed)


def _seen(client: App, server: App, *, failed: bool) -> Sighting:
    return Sighting(client, server, Layer.APPLICATION, _REPORTER, count=1, failed=int(failed))


def _app(span: Span) -> App:
    name, _, space = span.service.rpartition(".")
    return App(space, name) if name else App("", space) if space else NOBODY


def _of_proxy(span: Span) -> bool:
    key, value = _PROXY
    return span.attributes.get(key) == value
