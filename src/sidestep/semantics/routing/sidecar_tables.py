"""Everything that a sidecar may do with what its application sends, port by port, for who writes it down for a proxy.

Every name is asked of `SidecarRoutes`, which answers requests, so that what is written down means the same.
"""

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from sidestep.semantics.routing.hosts import Host, HostPort, is_wildcard
from sidestep.semantics.routing.http_match import Vantage
from sidestep.semantics.routing.reach import Reach
from sidestep.semantics.routing.rule import Bound, HttpEntry, StreamEntry
from sidestep.semantics.routing.sidecar_routes import SidecarRoutes
from sidestep.semantics.routing.view import View

_SOME = "some-name"
"""Stands for whatever a star covers."""


class VirtualHost(Struct, frozen=True):
    """Names that are answered alike.

    Attributes:
        names: authorities without ports, in lower case; may open with a star.
        service: whose they are; None for names of objects alone.
        entries: rules in the order in which they are tried; None where requests go to the service itself.
    """

    names: tuple[str, ...]
    service: Host | None = None
    entries: tuple[HttpEntry, ...] | None = None


class Dialled(Struct, frozen=True):
    """A port of a service that a proxy knows by its address.

    Attributes:
        service: whose.
        port: declared as bytes, or not at all.
        http: what becomes of requests, where nothing is declared.
        streams: rules on connections; where there are several, by server name. None: to the service itself.
    """

    service: Host
    port: HostPort
    http: VirtualHost | None = None
    streams: tuple[StreamEntry, ...] = ()


class SidecarTable(Struct, frozen=True):
    """One port.

    Attributes:
        port: that is dialled.
        http: of all services that declare HTTP there, whatever address is dialled; None where none does.
        dialled: services that do not.
        vantage: from where rules are read.
        reach: what destinations there are.
    """

    port: int
    http: tuple[VirtualHost, ...] | None
    dialled: tuple[Dialled, ...]
    vantage: Vantage
    reach: Reach


def table(routes: SidecarRoutes, view: View, port: int, vantage: Vantage) -> SidecarTable:
    """What a sidecar does with a port."""
    seen = [host for host in view.hosts() if host.port(port) is not None and view.sees(host)]
    http = tuple(_virtual_hosts(routes, view, seen, port)) if view.listens_for_http(port) else None
    dialled = [_dialled(routes, view, host, port) for host in seen]
    return SidecarTable(port, http, tuple(each for each in dialled if each is not None), vantage, routes.reach)


def _dialled(routes: SidecarRoutes, view: View, host: Host, port: int) -> Dialled | None:
    declared = host.port(port)
    if declared is None or declared.is_http or is_wildcard(host.name):
        return None
    streams = tuple(routes.streams(host, port))
    if not declared.is_sniffed:
        return Dialled(host, declared, None, streams if declared.is_tls else streams[:1])
    return Dialled(host, declared, _of_service(routes, view, host, port, ("*",)), streams[:1])


def _virtual_hosts(routes: SidecarRoutes, view: View, seen: Sequence[Host], port: int) -> Iterator[VirtualHost]:
    """Each name once, with who answers it."""
    services: dict[str, list[str]] = {}
    objects: dict[tuple[str, str, str], list[str]] = {}
    known: dict[str, Host] = {}
    bounds: dict[tuple[str, str, str], Bound] = {}
    for name in dict.fromkeys(_names(view, seen)):
        found = routes.answering(view, None, _some(name), port)
        if isinstance(found, Host):
            known[found.name] = found
            services.setdefault(found.name, []).append(name)
        elif first := routes.offering(found, port)[:1]:
            bounds[first[0].order] = first[0]
            objects.setdefault(first[0].order, []).append(name)
    for host, names in services.items():
        yield _of_service(routes, view, known[host], port, names)
    for order, names in objects.items():
        yield VirtualHost(tuple(names), entries=bounds[order].http or ())


def _of_service(routes: SidecarRoutes, view: View, host: Host, port: int, names: Iterable[str]) -> VirtualHost:
    speaking = routes.offering(view.candidates(host), port)[:1]
    return VirtualHost(tuple(names), host, (speaking[0].http or ()) if speaking else None)


def _names(view: View, seen: Iterable[Host]) -> Iterator[str]:
    """All that anybody may be called by."""
    for host in seen:
        for name in (host.name.lower(), *view.short_names(host)):
            yield name
            yield f"{name}."
            if host.headless:
                yield f"*.{name}"
    yield from view.written()


def _some(name: str) -> str:
    return _SOME + name[1:] if is_wildcard(name) else name
