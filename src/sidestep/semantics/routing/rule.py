"""Rules in force: what each kind of route object is compiled to.

One `HttpEntry` or `StreamEntry` is one match with what it leads to. A `Bound` is a VirtualService, or what Istio makes
of Gateway API routes: the unit that wins or loses against others of the same host.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import cached_property

from msgspec import Struct

from sidestep.model.metadata import Labels, ObjectId
from sidestep.semantics.routing.cors import Cors
from sidestep.semantics.routing.faults import Fault
from sidestep.semantics.routing.http_match import HttpMatch, Vantage
from sidestep.semantics.routing.route import Retries, RouteSource
from sidestep.semantics.routing.text_match import TextMatch


class Target(Struct, frozen=True):
    """A destination as an object names it, short names resolved.

    Attributes:
        host: full name; as written for a reference to what is no service.
        port: None for the service's only one, or else the one dialled.
        weight: its share.
        subset: of a DestinationRule.
        request_edits: header edits in words.
        response_edits: likewise.
        authority: that its headers set.
        missing: nothing of that name may be reached, so that its share is answered with an error.
    """

    host: str
    port: int | None = None
    weight: int = 1
    subset: str = ""
    request_edits: tuple[str, ...] = ()
    response_edits: tuple[str, ...] = ()
    authority: str = ""
    missing: bool = False


class Mirror(Struct, frozen=True):
    """A copy that is sent elsewhere."""

    target: Target
    percent: float = 100.0


class Redirect(Struct, frozen=True):
    """An answer that sends the client elsewhere.

    Attributes:
        status: of the answer.
        scheme: empty for the request's.
        authority: empty for the request's.
        path: in place of the whole path; empty for the request's.
        prefix: in place of the matched prefix; None for none.
        port: 0 for the scheme's own, -1 for the one dialled.
    """

    status: int = 301
    scheme: str = ""
    authority: str = ""
    path: str = ""
    prefix: str | None = None
    port: int = 0


class Rewrite(Struct, frozen=True):
    r"""What becomes of the path.

    Attributes:
        prefix: in place of what the match matched; empty for none.
        drop_prefix: the matched prefix goes, and one slash stays (Gateway API's replacement by `/`).
        pattern: a regular expression whose matches are replaced.
        substitution: by what; `\1` and so on are its groups.
    """

    prefix: str = ""
    drop_prefix: bool = False
    pattern: TextMatch | None = None
    substitution: str = ""


class HttpRule(Struct, frozen=True):
    """What a rule does with the requests that it takes.

    Attributes:
        source: kind of thing that says it.
        object: the object that says it.
        place: its name, or its place in the object.
        targets: weighted destinations.
        redirect: an answer in their place.
        direct: status of an answer in their place.
        body: of that answer.
        rewrite: of the path.
        authority: in place of the request's.
        timeout: as written; empty for none.
        retries: None for the mesh's default.
        mirrors: copies.
        request_edits: in words.
        response_edits: in words.
        faults: injected ones.
        cors: what browsers are told of other origins; None for nothing.
        missing_status: the answer for a destination that does not exist.
        broken: why it cannot be told what it does.
    """

    source: RouteSource
    object: ObjectId
    place: str
    targets: tuple[Target, ...] = ()
    redirect: Redirect | None = None
    direct: int | None = None
    body: bytes = b""
    rewrite: Rewrite | None = None
    authority: str = ""
    timeout: str = ""
    retries: Retries | None = None
    mirrors: tuple[Mirror, ...] = ()
    request_edits: tuple[str, ...] = ()
    response_edits: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    cors: Cors | None = None
    missing_status: int = 503
    broken: str = ""


class HttpEntry(Struct, frozen=True):
    """One match of a rule."""

    rule: HttpRule
    match: HttpMatch


class StreamKind(StrEnum):
    """By what a connection is routed."""

    TCP = "tcp"
    TLS = "tls"


class StreamEntry(Struct, frozen=True):
    """One match of a rule on connections.

    Attributes:
        source: kind of thing that says it.
        object: the object that says it.
        place: its place in the object.
        match: which match; empty for a rule without matches.
        targets: weighted destinations.
        server_names: that a TLS client asks for; may open with a star.
        subnets: of the destination's address; the proxy decides by them while it runs.
        port: of the proxy's listener; 0 for any.
        gateways: empty for those of the object.
        source_labels: of the client's pod.
        source_namespace: of the client's pod.
        broken: why it cannot be told what it does.
    """

    source: RouteSource
    object: ObjectId
    place: str
    match: str = ""
    targets: tuple[Target, ...] = ()
    server_names: tuple[str, ...] = ()
    subnets: tuple[str, ...] = ()
    port: int = 0
    gateways: frozenset[str] = frozenset()
    source_labels: Labels = {}
    source_namespace: str = ""
    broken: str = ""

    def offered(self, vantage: Vantage) -> bool | None:
        """Whether a proxy has it at all; None where that hangs on labels that are not known."""
        if self.port not in (0, vantage.port) or (self.gateways and vantage.gateway not in self.gateways):
            return False
        if self.source_namespace not in ("", vantage.namespace):
            return False
        if vantage.labels is None:
            return None if self.source_labels else True
        return all(vantage.labels.get(key) == value for key, value in self.source_labels.items())


def _nothing() -> None:
    """Says nothing of HTTP."""


class Bound(Struct, frozen=True, dict=True):
    """Rules with the hosts and gateways that they are bound to.

    Attributes:
        order: the oldest first: time of creation, name, namespace.
        namespace: of the object.
        hosts: full names, which may open with a star.
        gateways: `mesh` among them for sidecars and waypoints.
        exported: namespaces that see it (`exports`).
        of_gateway_api: it comes from Gateway API routes, which bind Services rather than names.
        compiled: reads its rules on HTTP (see `http`), which nobody needs of hosts that nobody asks about.
        tcp: rules on connections.
        tls: rules by server name.
        object: the object, or the oldest of them.
        broken: why its hosts, gateways or exports cannot be told.
    """

    order: tuple[str, str, str]
    namespace: str
    object: ObjectId
    hosts: tuple[str, ...] = ()
    gateways: frozenset[str] = frozenset()
    exported: frozenset[str] = frozenset()
    of_gateway_api: bool = False
    compiled: Callable[[], tuple[HttpEntry, ...] | None] = _nothing
    tcp: tuple[StreamEntry, ...] = ()
    tls: tuple[StreamEntry, ...] = ()
    broken: str = ""

    @cached_property
    def http(self) -> tuple[HttpEntry, ...] | None:
        """Its rules on HTTP; None where it says nothing of it."""
        return self.compiled()

    def offers_http(self, vantage: Vantage) -> bool | None:
        """Whether a proxy has any HTTP rule of it; None where that cannot be told."""
        return offered(self.http or (), vantage)


def offered(entries: Iterable[HttpEntry], vantage: Vantage) -> bool | None:
    """Whether a proxy has any of some rules; None where that cannot be told."""
    unsure = False
    for entry in entries:
        answer = None if entry.rule.broken else entry.match.offered(vantage)
        if answer:
            return True
        unsure = unsure or answer is None
    return None if unsure else False
