"""What the machine and a node's agent say to each other: JSON lines over a unix socket, one message a line.

The agent connects. Commands carry an `id` of the machine's choice, unique among those that are not yet answered. Every
command is answered by exactly one `done`, `failed`, `outcomes` or `results` with that id; `progress` may come before.
Other events come by themselves.
"""

from msgspec import Struct, field

from sidestep.lab.agent.histogram import Histogram
from sidestep.lab.dns.names import DnsConfig, Name
from sidestep.lab.workload.containers import Container, Probe


class Birth(Struct, frozen=True):
    """An agent that is wanted, as the process hears that forks them.

    Attributes:
        arguments: of the agent.
        netns: path of the namespace in which it starts.
        log: file that it writes to.
    """

    arguments: tuple[str, ...]
    netns: str
    log: str


class Pod(Struct, frozen=True):
    """A pod of this node.

    Attributes:
        uid: unique; never used again.
        name: of the pod.
        namespace: of the pod.
        netns: path of its network namespace; empty for the agent's own.
        addresses: IPv4 and IPv6.
        containers: what it runs.
        dns: its resolv.conf.
        account: service account.
        node: where it runs.
        labels: for its answers.
        health_port: at which probes are answered that were led there, as Istio's agent does beside a sidecar.
        health: those probes by path.
    """

    uid: str
    name: str
    namespace: str
    netns: str
    addresses: tuple[str, ...]
    containers: tuple[Container, ...] = ()
    dns: DnsConfig = DnsConfig()
    account: str = "default"
    node: str = ""
    labels: dict[str, str] = {}
    health_port: int = 15020
    health: dict[str, Probe] = {}


class Serve(Struct, frozen=True, tag_field="do", tag="serve"):
    """Run a pod's containers and probe them.

    `done` when its ports are known to be free; who is slow to start shows in `ready`. `failed` when a port cannot be
    bound: then nothing of the pod runs.
    """

    id: int
    pod: Pod


class Restart(Struct, frozen=True, tag_field="do", tag="restart"):
    """Restart one container as a kubelet does: connections are cut, probes begin anew."""

    id: int
    uid: str
    container: str


class Stop(Struct, frozen=True, tag_field="do", tag="stop"):
    """End a pod; `done` when nothing of it is left.

    Its probes end at once. Each container goes on for its `linger`, then takes no more connections and finishes open
    requests; what is left after `grace` seconds is cut.
    """

    id: int
    uid: str
    grace: float = 30


class Names(Struct, frozen=True, tag_field="do", tag="names"):
    """Names that are new or changed, and keys (`source`, `namespace`, `host`) of those that are gone."""

    id: int
    changed: tuple[Name, ...] = ()
    gone: tuple[tuple[str, str, str], ...] = ()


class ServeDns(Struct, frozen=True, tag_field="do", tag="serve-dns"):
    """Be the cluster's DNS server at an address (UDP and TCP)."""

    id: int
    addresses: tuple[str, ...]
    netns: str = ""
    port: int = 53
    domain: str = "cluster.local"


class Capture(Struct, frozen=True, tag_field="do", tag="capture"):
    """Answer a pod's DNS at 15053 within its namespace as a ztunnel does; or stop that.

    Attributes:
        id: of the command.
        uid: which pod.
        on: answer, or stop.
        upstream: nameservers for what is not known here, asked from within the pod by marked sockets.
        domain: of the cluster.
    """

    id: int
    uid: str
    on: bool = True
    upstream: tuple[str, ...] = ()
    domain: str = "cluster.local"


class Request(Struct, frozen=True):
    """One request; docs/lab-workload.md has the schemes: http, https, h2c, grpc, ws, tcp, tcp-first, dns."""

    url: str
    method: str = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    timeout: float = 10


class Call(Struct, frozen=True, tag_field="do", tag="call"):
    """Ask from within a pod, and get each outcome.

    Attributes:
        id: of the command.
        uid: pod that asks; empty for a process on the node, which knows addresses but no names.
        request: what.
        count: how often.
        rate: per second, by the clock; 0 for one after the other.
        fresh: a new connection for every request.
    """

    id: int
    uid: str
    request: Request
    count: int = 1
    rate: float = 0
    fresh: bool = True


class Edge(Struct, frozen=True):
    """Load from one pod to one URL.

    Attributes:
        name: under which its results are told.
        uid: pod that asks.
        request: what.
        rate: requests per second, begun by the clock whether or not earlier ones were answered.
        connections: at most this many at a time; a request waits for a free one, which counts as its latency.
        fresh: a new connection for every request.
        expect: `<namespace>/<beginning of the pod's name>` of those who may answer; none for anybody.
        accept: codes that are no failure; none for all below 400.
        uses: requests for which a connection is kept; 0 for any number of HTTP, and for one of bytes.
    """

    name: str
    uid: str
    request: Request
    rate: float
    connections: int = 8
    fresh: bool = False
    expect: tuple[str, ...] = ()
    accept: tuple[int, ...] = ()
    uses: int = 0


class Load(Struct, frozen=True, tag_field="do", tag="load"):
    """Open-loop load on many edges, from a process of its own. Answered by `results`; `progress` every second."""

    id: int
    edges: tuple[Edge, ...]
    seconds: float


class Cancel(Struct, frozen=True, tag_field="do", tag="cancel"):
    """End a load early: it answers with what it has. This command itself is answered by `done`."""

    id: int
    load: int


class Drive(Struct, frozen=True, tag_field="do", tag="drive"):
    """Load from a pod, for as long as it runs; in the place of what it sent before. No edges end it.

    A pod that is stopped sends no more, and its last requests have ended before it is taken away, as a process ends
    that finishes its work. What becomes of requests is told by `driven`.
    """

    id: int
    uid: str
    edges: tuple[Edge, ...] = ()


class WriteDown(Struct, frozen=True, tag_field="do", tag="write-down"):
    """Have written at once what workloads saw and would write soon; `done` when it can be read."""

    id: int


Command = Drive | Serve | Restart | Stop | Names | ServeDns | Capture | Call | Load | Cancel | WriteDown


class Hello(Struct, frozen=True, tag_field="event", tag="hello"):
    """The first line of an agent."""

    node: str
    pid: int


class Done(Struct, frozen=True, tag_field="event", tag="done"):
    """A command succeeded."""

    id: int


class Failed(Struct, frozen=True, tag_field="event", tag="failed"):
    """A command failed: a sentence that says what was expected."""

    id: int
    reason: str


class Ready(Struct, frozen=True, tag_field="event", tag="ready"):
    """Whether a container may be sent requests, when that changes: told first when it is not ready, with the reason."""

    uid: str
    container: str
    started: bool
    ready: bool
    reason: str = ""


class Probed(Struct, frozen=True, tag_field="event", tag="probe"):
    """A startup or liveness probe failed as often as allowed: the machine is to restart the container."""

    uid: str
    container: str
    kind: str
    reason: str


class Outcome(Struct, frozen=True):
    """What became of one request.

    Attributes:
        ok: it was answered, with a code below 400 where there are codes.
        kind: `ok`, `refused`, `unreachable`, `reset`, `closed`, `timeout`, `name`, `tls`, `protocol`, `http-<code>`,
            `grpc-<code>`, `wrong-pod`, `error`.
        detail: the reason in words.
        code: of HTTP or gRPC; -1 without.
        milliseconds: from its scheduled time to the last byte of the answer.
        remote: address and port that was dialled.
        pod: `<namespace>/<name>` that says it answered.
        headers: of the answer.
        body: of the answer, at most 64 KiB of it.
        retried: a kept connection had been closed meanwhile, and it was asked again on another, as clients do where no
            byte of an answer had come and the method may be repeated.
    """

    ok: bool
    kind: str
    detail: str = ""
    code: int = -1
    milliseconds: float = 0
    remote: str = ""
    pod: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    retried: bool = False


class Example(Struct, frozen=True):
    """A failure.

    Attributes:
        at: of its scheduled time: seconds since a load began, or of the clock for load that lasts.
        outcome: what happened.
    """

    at: float
    outcome: Outcome


LATENESS = "(late)"
"""An edge that nobody asked for: how long after they were due requests were begun. No packet is in it, so that it tells
of the machine alone.
"""


class Row(Struct):
    """What became of an edge's requests that were due within one second; `sent` = `ok` + all of `failures`.

    Attributes:
        edge: its name.
        uid: of the pod that sent them.
        second: of the clock (Unix time).
        sent: begun, and ended by now; further rows of the same second may follow.
        ok: answered as expected.
        failures: how many of each kind.
        examples: a few failures.
        latency: of those that are ok, in microseconds.
    """

    edge: str
    uid: str
    second: int
    sent: int = 0
    ok: int = 0
    failures: dict[str, int] = {}
    examples: list[Example] = []
    latency: Histogram = field(default_factory=Histogram)


class Driven(Struct, frozen=True, tag_field="event", tag="driven"):
    """What became of requests of load that lasts, since the last time."""

    rows: tuple[Row, ...]


class Outcomes(Struct, frozen=True, tag_field="event", tag="outcomes"):
    """Answer to a `call`: in the order in which they were begun."""

    id: int
    outcomes: tuple[Outcome, ...]


class EdgeResult(Struct, frozen=True):
    """What became of an edge's requests; `sent` = `ok` + all of `failures`.

    Attributes:
        name: of the edge.
        sent: begun.
        ok: answered as expected.
        failures: how many of each kind.
        examples: the first of each kind.
        pods: how many each pod answered.
        latency: of those that are ok, in microseconds from the scheduled time.
        lag: of all, in microseconds from the scheduled time until the request was begun: the error of the clock.
        connections: opened.
        retried: how many were asked again on another connection, see `Outcome`; they count as what became of them.
    """

    name: str
    sent: int
    ok: int
    failures: dict[str, int]
    examples: dict[str, Example]
    pods: dict[str, int]
    latency: Histogram
    lag: Histogram
    connections: int = 0
    retried: int = 0


class Progress(Struct, frozen=True, tag_field="event", tag="progress"):
    """How far a load is: totals over its edges.

    Attributes:
        id: of the load.
        seconds: since it began.
        sent: begun so far.
        ok: answered as expected so far.
        failures: how many of each kind so far.
    """

    id: int
    seconds: float
    sent: int
    ok: int
    failures: dict[str, int]


class Results(Struct, frozen=True, tag_field="event", tag="results"):
    """Answer to a `load`.

    Attributes:
        id: of the load.
        seconds: how long it sent.
        cpu: seconds of CPU that the load's own process used.
        edges: in the order of the command.
    """

    id: int
    seconds: float
    cpu: float
    edges: tuple[EdgeResult, ...]


Event = Hello | Driven | Done | Failed | Ready | Probed | Outcomes | Progress | Results
