"""What one line of an access log says, whichever proxy wrote it."""

from enum import StrEnum

from msgspec import Struct


class LogFormat(StrEnum):
    """How a line is written."""

    ENVOY_TEXT = "Envoy text"
    ENVOY_JSON = "Envoy JSON"
    ZTUNNEL_TEXT = "ztunnel text"
    ZTUNNEL_JSON = "ztunnel JSON"
    RBAC = "Envoy RBAC"


class Reporter(StrEnum):
    """Which proxy wrote a line, and on which side of the request it stands."""

    SIDECAR_INBOUND = "sidecar inbound"
    SIDECAR_OUTBOUND = "sidecar outbound"
    GATEWAY = "gateway"
    WAYPOINT = "waypoint"
    ZTUNNEL_INBOUND = "ztunnel inbound"
    ZTUNNEL_OUTBOUND = "ztunnel outbound"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """What authorization policies decided; `shadow` ones (dry run, or the question for a CUSTOM policy) only tell."""

    ENFORCED_ALLOWED = "enforced allowed"
    ENFORCED_DENIED = "enforced denied"
    SHADOW_ALLOWED = "shadow allowed"
    SHADOW_DENIED = "shadow denied"


class Address(Struct, frozen=True):
    """An IP address, or a hostname where a tunnel names one, with its port where told."""

    host: str
    port: int | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


class Party(Struct, frozen=True):
    """One end of a request, as far as the line tells; empty for what it does not.

    Attributes:
        address: of the pod, with the port that it uses or listens on.
        workload: ztunnel's name for it, a pod's as a rule. Where ztunnel goes to a waypoint, workload, namespace and
            identity of the destination are the waypoint's, while address and service are what was asked for.
        namespace: of the workload.
        identity: SPIFFE URI; ztunnel leaves it out of a connection without mTLS.
        service: hostname of the service that was asked for.
        service_port: port of that service, which the pod's may differ from.
    """

    address: Address | None = None
    workload: str = ""
    namespace: str = ""
    identity: str = ""
    service: str = ""
    service_port: int | None = None


class UpstreamCluster(Struct, frozen=True):
    """The cluster that Envoy chose, taken apart where istiod named it `direction|port|subset|host`.

    Attributes:
        name: as logged, without the `;` that ends it as a statistic's name.
        direction: `inbound`, `inbound-vip`, `outbound`; empty for names of another kind (`PassthroughCluster`).
        port: of the service, for `inbound` of the pod.
        subset: of a DestinationRule; on a waypoint `http`, `tcp` or `http/SUBSET`.
        host: hostname of the service; empty for `inbound`.
    """

    name: str
    direction: str = ""
    port: int | None = None
    subset: str = ""
    host: str = ""


class PolicyRule(Struct, frozen=True):
    """The policy that decided; `rule` is an index from 0, None where the proxy does not tell it."""

    namespace: str
    name: str
    rule: int | None = None


class LogLine(Struct, frozen=True):
    """One line; empty or None for what it does not tell.

    Attributes:
        format: how it is written.
        reporter: the proxy that wrote it.
        told_by: what in the line says so, in a phrase.
        logged_by: what the tool that fetched the line put in front of it, such as `pod/NAME/CONTAINER`.
        time: start of the request or connection, as written; ztunnel writes the end.
        method: of HTTP; empty for TCP.
        path: with the query.
        authority: the Host header.
        protocol: e.g. `HTTP/1.1`.
        status: HTTP status that the client got; None for TCP, or when none was sent.
        flags: Envoy's response flags, in the order logged.
        details: Envoy's response code details.
        termination: why Envoy closed the client's connection.
        transport_failure: why TCP or TLS to the upstream failed.
        error: ztunnel's.
        verdict: what authorization policies decided, where the line tells.
        policy: the policy that decided, where the line names it.
        source: the client as this proxy saw it: its peer, or without a port the one that X-Forwarded-For names.
        destination: the pod asked for, and on a proxy that chooses one the endpoint that it chose.
        dialled: where the client's connection arrived: address of the service, of the pod, or of the gateway itself.
        tunnel: where the HBONE around it goes or came in: the pod on port 15008, or its waypoint.
        upstream: the cluster that Envoy chose.
        sni: server name in the client's TLS.
        route: name of the route that matched.
        forwarded_for: X-Forwarded-For, nearest client last.
        user_agent: header of that name.
        request_id: X-Request-Id, the same on every hop.
        bytes_sent: to the client.
        bytes_received: from the client.
        duration_ms: milliseconds.
        unparsed: pieces that nothing was made of, in their order.
    """

    format: LogFormat
    reporter: Reporter = Reporter.UNKNOWN
    told_by: str = ""
    logged_by: str = ""
    time: str = ""
    method: str = ""
    path: str = ""
    authority: str = ""
    protocol: str = ""
    status: int | None = None
    flags: tuple[str, ...] = ()
    details: str = ""
    termination: str = ""
    transport_failure: str = ""
    error: str = ""
    verdict: Verdict | None = None
    policy: PolicyRule | None = None
    source: Party = Party()
    destination: Party = Party()
    dialled: Address | None = None
    tunnel: Address | None = None
    upstream: UpstreamCluster | None = None
    sni: str = ""
    route: str = ""
    forwarded_for: tuple[str, ...] = ()
    user_agent: str = ""
    request_id: str = ""
    bytes_sent: int | None = None
    bytes_received: int | None = None
    duration_ms: int | None = None
    unparsed: tuple[str, ...] = ()
