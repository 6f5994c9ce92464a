"""What a route does with a request: the result of routing, whatever kind of object said so."""

from enum import StrEnum

from msgspec import Struct

from sidestep.model.metadata import ObjectId
from sidestep.semantics.routing.cors import Cors


class Backend(Struct, frozen=True, gc=False, rename="camel"):
    """One destination of a route.

    Attributes:
        host: full name of the Service or ServiceEntry host; as written where no such host is known.
        port: service port; None for the one dialled.
        weight: its share, in the units of its siblings.
        subset: of a DestinationRule.
        labels: that the subset's pods carry.
        known: whether a service of that name exists: else its share is answered with an error.
        request_edits: header edits of this backend alone, in words, e.g. `set x-a: b`.
        response_edits: likewise.
        authority: that this backend alone gets, unless the route rewrites it for all.
    """

    host: str
    port: int | None = None
    weight: int = 1
    subset: str = ""
    labels: dict[str, str] = {}
    known: bool = True
    request_edits: tuple[str, ...] = ()
    response_edits: tuple[str, ...] = ()
    authority: str = ""

    @property
    def label(self) -> str:
        """By which `traffic_policy` tells it from its siblings."""
        return f"{self.host}/{self.subset}" if self.subset else self.host


class Retries(Struct, frozen=True, rename="camel"):
    """How often a failed attempt is made again, on what, and how long each may take."""

    attempts: int = 0
    on: str = ""
    per_try: str = ""


class AnswerKind(StrEnum):
    """How a proxy answers by itself."""

    REDIRECT = "redirect"
    DIRECT = "direct-response"
    NOT_FOUND = "not-found"
    ERROR = "error"


class Answer(Struct, frozen=True, rename="camel"):
    """An answer that a proxy gives without asking a backend."""

    kind: AnswerKind
    status: int
    location: str = ""
    body: bytes = b""


class RouteSource(StrEnum):
    """What kind of thing chose the route."""

    VIRTUAL_SERVICE = "VirtualService"
    HTTP_ROUTE = "HTTPRoute"
    GRPC_ROUTE = "GRPCRoute"
    TCP_ROUTE = "TCPRoute"
    TLS_ROUTE = "TLSRoute"
    DEFAULT = "default"
    PASSTHROUGH = "passthrough"
    BLACKHOLE = "blackhole"


class Route(Struct, frozen=True, gc=False, rename="camel"):
    """Where a request goes and what happens to it.

    Attributes:
        source: what chose it.
        object: the object, for the kinds that have one.
        rule: its name or place in the object, e.g. `http[1]`.
        match: which of the rule's matches, e.g. `match[0]`; empty when the rule matches everything.
        backends: weighted destinations; empty when the proxy answers itself.
        answer: that answer.
        rewrite_path: the path as the backend gets it.
        rewrite_host: the authority as the backend gets it.
        timeout: of the whole request, as written; empty for none.
        retries: what is tried again; None where no HTTP is read.
        mirrors: copies that are sent elsewhere, e.g. `50% to reviews-v2.shop.svc.cluster.local:9080`.
        copies: the same by their destinations, each with its share of 100.
        request_edits: header edits in words.
        response_edits: likewise.
        faults: injected faults in words.
        cors: allowed origins; None without a CORS policy.
        traffic_policy: what DestinationRules ask of the connection (load balancing, TLS, limits), in words.
        traffic_object: the DestinationRule.
        tls: its client TLS mode for the port (DISABLE, SIMPLE, MUTUAL, ISTIO_MUTUAL); empty where it says nothing.
        unknown: why part of it cannot be told; empty when all is.
        cors_policy: the whole of what browsers are told of other origins.
    """

    source: RouteSource
    object: ObjectId | None = None
    rule: str = ""
    match: str = ""
    backends: tuple[Backend, ...] = ()
    answer: Answer | None = None
    rewrite_path: str = ""
    rewrite_host: str = ""
    timeout: str = ""
    retries: Retries | None = None
    mirrors: tuple[str, ...] = ()
    request_edits: tuple[str, ...] = ()
    response_edits: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    cors: tuple[str, ...] | None = None
    traffic_policy: tuple[str, ...] = ()
    traffic_object: ObjectId | None = None
    tls: str = ""
    unknown: str = ""
    copies: tuple[tuple[float, Backend], ...] = ()
    cors_policy: Cors | None = None
