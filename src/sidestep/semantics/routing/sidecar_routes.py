"""Routes that sidecars take: the virtual host by authority, its object, its rule; connections by service and name.

Source: pilot/pkg/networking/core/httproute.go (one set of virtual hosts for each port whose services declare HTTP; an
undeclared port is the service's alone), tls.go (connections), listener.go (what falls through is unknown traffic).
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from sidestep.semantics.authorization.seen import HttpSeen
from sidestep.semantics.routing.defaults import ALLOW_ANY
from sidestep.semantics.routing.hosts import Client, Host, bare_authority, is_address, within
from sidestep.semantics.routing.http_match import Vantage
from sidestep.semantics.routing.outcome import (
    blocked,
    default_http,
    default_stream,
    not_taken,
    passed_through,
    stream_route,
    taken,
)
from sidestep.semantics.routing.reach import Reach
from sidestep.semantics.routing.route import Retries, Route
from sidestep.semantics.routing.rule import Bound, StreamEntry
from sidestep.semantics.routing.sidecars import Scope
from sidestep.semantics.routing.view import View

_BLOCKED_HTTP = 502


class SidecarRoutes(Struct, frozen=True):
    """The routes of one client.

    Attributes:
        view: what its sidecar knows; None where no listener serves the port.
        client: it.
        scope: what its Sidecar says.
        reach: its clusters.
        outbound: the mesh's mode for unknown hosts.
        dotted: names with a final dot are known, which is so since 1.27.
    """

    view: View | None
    client: Client
    scope: Scope
    reach: Reach
    outbound: str
    dotted: bool

    def http(self, host: Host | None, authority: str, port: int, http: HttpSeen) -> Route:
        """Where a request goes."""
        view = self.view
        own = host.port(port) if host is not None else None
        if view is None:
            return self._unknown(http=False)
        if host is not None and own is not None and view.sees(host):
            if own.is_sniffed:
                return self._service(view, host, port, http)
            if not own.is_http:
                return self.stream(host, port, "")
        if not view.listens_for_http(port):
            return self._unknown(http=False)
        return self._by_authority(view, host, authority, port, http)

    def _by_authority(self, view: View, dialled: Host | None, authority: str, port: int, http: HttpSeen) -> Route:
        found = self.answering(view, dialled, authority, port)
        if isinstance(found, Host):
            return self._service(view, found, port, http)
        return self._first(found, port, http) or self._unknown(http=True)

    def answering(self, view: View, dialled: Host | None, authority: str, port: int) -> Host | list[Bound]:
        """Whom an authority names: a service, or objects of which the first with a rule answers; none for nobody."""
        known = view.known(authority, port)
        if known is not None:
            return known
        service = view.service(authority, port, dialled, dotted=self.dotted)
        named = view.named_only(authority, port)
        if service is None:
            return self.offering(named, port) or self._by_wildcard(view, authority, port)
        others = [bound for bound in named if service.name not in bound.hosts]
        if not others and not is_address(bare_authority(authority)):
            view.know(authority, port, service)
        return others if self._outranks(view, others, service, port) else service

    def _outranks(self, view: View, others: list[Bound], service: Host, port: int) -> bool:
        """Whether an object that names the very text comes before the service that the text is short for."""
        if not others:
            return False
        naming = self.offering(others, port)
        speaking = self.offering(view.candidates(service), port)
        return bool(naming) and (not speaking or view.before(naming[0], speaking[0]))

    def _by_wildcard(self, view: View, authority: str, port: int) -> Host | list[Bound]:
        service = view.below(authority, port)
        pattern, bounds = view.covering_only(authority, port, lambda name: view.covers_service(name, port))
        return service if service is not None and len(service.name) >= len(pattern) else bounds

    def offering(self, bounds: Iterable[Bound], port: int) -> list[Bound]:
        """Objects that may have a rule for this client."""
        vantage = self._vantage(port)
        return [bound for bound in bounds if bound.offers_http(vantage) is not False]

    def _service(self, view: View, service: Host, port: int, http: HttpSeen) -> Route:
        candidates = view.candidates(service)
        found = self._first(candidates, port, http) if candidates else None
        return found or default_http(service.name, port, self.reach)

    def _first(self, bounds: Iterable[Bound], port: int, http: HttpSeen) -> Route | None:
        """The route by the first object that has any rule for this client and port; None where none has."""
        vantage = self._vantage(port)
        for bound in bounds:
            if bound.offers_http(vantage) is not False:
                entries = bound.http or ()
                return taken(entries, vantage, http, self.reach) or not_taken(entries, vantage)
        return None

    def stream(self, host: Host, port: int, sni: str) -> Route:
        """Where a connection goes."""
        own = host.port(port)
        if self.view is None or own is None or own.is_http or not self.view.sees(host):
            return self._unknown(http=False)
        offered = self.streams(host, port)
        if own.is_tls:
            return self._by_name(offered, host, port, sni)
        return _plain(offered[0], port, self.reach) if offered else default_stream(host.name, port, self.reach)

    def streams(self, host: Host, port: int) -> list[StreamEntry]:
        """Rules on connections to a port of a service: by server names where it speaks TLS, else the first counts."""
        own, view = host.port(port), self.view
        if own is None or view is None:
            return []
        vantage = self._vantage(port)
        offered = [each for bound in view.streams(host) for each in (bound.tls if own.is_tls else bound.tcp)]
        return [each for each in offered if each.offered(vantage) is not False]

    def _by_name(self, offered: list[StreamEntry], host: Host, port: int, sni: str) -> Route:
        if not offered:
            return default_stream(host.name, port, self.reach)
        doubtful = next((entry for entry in offered if entry.broken or entry.subnets), None)
        if doubtful is not None:
            return _plain(doubtful, port, self.reach)
        entry = by_server_name(offered, sni.lower())
        return self._unknown(http=False) if entry is None else stream_route(entry, port, self.reach)

    def _unknown(self, *, http: bool) -> Route:
        allowed = (self.scope.outbound or self.outbound).startswith(ALLOW_ANY)
        found = passed_through(*(self.scope.egress_proxy or ())) if allowed else blocked(_BLOCKED_HTTP if http else 0)
        return replace(found, retries=Retries()) if http else found

    def _vantage(self, port: int) -> Vantage:
        return Vantage(port, self.client.namespace, self.client.labels)


def _plain(entry: StreamEntry, port: int, reach: Reach) -> Route:
    """A rule's route; one that asks for a range of addresses cannot be told, because the address is not given."""
    if entry.subnets and not entry.broken:
        why = f"{entry.object}: {entry.place} {entry.match} asks for addresses of the destination (destinationSubnets)"
        return Route(entry.source, entry.object, entry.place, entry.match, unknown=why)
    return stream_route(entry, port, reach)


def by_server_name(entries: list[StreamEntry], sni: str) -> StreamEntry | None:
    """The rule with the most specific name, the first of several; one without names takes everything."""
    best: tuple[int, StreamEntry] | None = None
    for entry in entries:
        fitting = [len(name) + (name == sni) for name in entry.server_names if sni and within(sni, name)]
        length = max(fitting, default=-1 if entry.server_names else 0)
        if length >= 0 and (best is None or length > best[0]):
            best = (length, entry)
    return best[1] if best is not None else None
