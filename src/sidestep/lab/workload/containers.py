"""What a container of a pod runs, as the agent is told: ports, protocols, behaviour, calls, probes."""

from enum import StrEnum

from msgspec import Struct


class Protocol(StrEnum):
    """What a port of the workload speaks."""

    AUTO = "auto"
    """HTTP of either version when the first bytes are that, else an echo."""
    HTTP = "http"
    """HTTP/1.1, websocket, and HTTP/2 with prior knowledge."""
    HTTP2 = "http2"
    """HTTP/2 without TLS only."""
    GRPC = "grpc"
    HTTPS = "https"
    """HTTP of either version within TLS of the workload's own."""
    TCP = "tcp"
    """Sends back what it gets."""
    TCP_FIRST = "tcp-first"
    """Greets before the client says anything, as MySQL does; then echoes."""
    UDP = "udp"


class Port(Struct, frozen=True):
    """A port that a container listens at."""

    number: int
    protocol: Protocol = Protocol.AUTO
    name: str = ""


class Behaviour(Struct, frozen=True):
    """How a container answers; docs/lab-workload.md.

    Attributes:
        service: `report` tells what it saw, `payments` takes payments, `issuer` hands out tokens, `authorizer` answers
            checks of proxies, `collector` keeps the spans that it is sent.
        latency: seconds of work for each request.
        error_rate: share of requests that fail, spread evenly.
        error_code: the code of those.
        size: bytes of padding in each answer.
        start_after: seconds until it listens.
        linger: seconds for which it takes new connections after it was asked to end.
        keep_alive: requests for which a connection is kept; 0 for any number.
        version: what it says its version is.
        calls: URLs that it calls for each request before it answers.
        call_timeout: seconds for each of those.
        tracing: share of requests in no trace that begin one.
    """

    service: str = "report"
    latency: float = 0
    error_rate: float = 0
    error_code: int = 503
    size: int = 0
    start_after: float = 0
    linger: float = 0
    keep_alive: int = 0
    version: str = ""
    calls: tuple[str, ...] = ()
    call_timeout: float = 10
    tracing: float = 0


class ProbeKind(StrEnum):
    """What follows of a probe."""

    STARTUP = "startup"
    LIVENESS = "liveness"
    READINESS = "readiness"


class Probe(Struct, frozen=True):
    """A probe, with Kubernetes' defaults: exactly one of `http`, `tcp`, `grpc` (ports) or `command` is set.

    Attributes:
        kind: what follows of it.
        port: for all but a command.
        path: makes it an HTTP probe.
        scheme: HTTP or HTTPS.
        host: address to connect to; the pod's where empty.
        headers: of an HTTP probe.
        grpc: a gRPC health check.
        grpc_service: which service to ask for.
        command: run in the pod's network; of a built-in container it succeeds as soon as the container listens.
        initial_delay: seconds.
        period: seconds.
        timeout: seconds.
        success_threshold: how often in a row it must succeed.
        failure_threshold: how often in a row it must fail.
    """

    kind: ProbeKind
    port: int = 0
    path: str = ""
    scheme: str = "HTTP"
    host: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    grpc: bool = False
    grpc_service: str = ""
    command: tuple[str, ...] = ()
    initial_delay: float = 0
    period: float = 10
    timeout: float = 1
    success_threshold: int = 1
    failure_threshold: int = 3


class Container(Struct, frozen=True):
    """One container of a pod.

    Attributes:
        name: of the container.
        ports: where it listens.
        behaviour: how it answers.
        probes: of any kind.
        command: the user's own, which the machine runs: then the agent serves nothing and only probes.
        env: its environment, for probes that run a command.
    """

    name: str
    ports: tuple[Port, ...] = ()
    behaviour: Behaviour = Behaviour()
    probes: tuple[Probe, ...] = ()
    command: tuple[str, ...] = ()
    env: dict[str, str] = {}
