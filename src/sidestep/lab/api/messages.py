"""What verbs and tests ask of a lab, and what they are told."""

from typing import Any

from msgspec import Struct

from sidestep.lab.cluster.objects import Tree


class Status(Struct, frozen=True, tag_field="do", tag="status"):
    """How the lab is."""


class List(Struct, frozen=True, tag_field="do", tag="list"):
    """Objects of a kind (`pods`, `deployments.apps`), of one namespace or all."""

    kind: str
    namespace: str | None = None


class Get(Struct, frozen=True, tag_field="do", tag="get"):
    """One object; null where there is none."""

    kind: str
    namespace: str
    name: str


class Exchange(Struct, frozen=True, tag_field="do", tag="exchange"):
    """Put an object in the place of one of a version, or take that away.

    Attributes:
        object: the whole of it; of one that goes, what names it.
        version: `metadata.resourceVersion` of what stands there; empty where nothing may.
        delete: it goes.
    """

    object: Tree
    version: str
    delete: bool = False


class Apply(Struct, frozen=True, tag_field="do", tag="apply"):
    """Create or replace objects."""

    objects: list[Tree]


class Delete(Struct, frozen=True, tag_field="do", tag="delete"):
    """Take objects away, each named as `apiVersion`, `kind` and `metadata` name it."""

    objects: list[Tree]


class Label(Struct, frozen=True, tag_field="do", tag="label"):
    """Set labels, or take them away with null."""

    kind: str
    namespace: str
    name: str
    labels: dict[str, str | None]


class Scale(Struct, frozen=True, tag_field="do", tag="scale"):
    """Change the number of a controller's pods."""

    kind: str
    namespace: str
    name: str
    replicas: int


class Restart(Struct, frozen=True, tag_field="do", tag="restart"):
    """Exchange all pods of a controller, as `kubectl rollout restart` does."""

    kind: str
    namespace: str
    name: str


class Await(Struct, frozen=True, tag_field="do", tag="await"):
    """Wait until every controller has what it wants, all pods are ready and enrolled as their labels say."""

    timeout: float = 60.0


class Taken(Struct, frozen=True, tag_field="do", tag="taken"):
    """What is missing until proxies have taken an object: a service its waypoint, a policy wherever it counts."""

    object: Tree


class Call(Struct, frozen=True, tag_field="do", tag="call"):
    """Send requests from a pod or a node.

    Attributes:
        client: `namespace/pod`, or a prefix of the pod's name; `node:name` for a process on a node.
        url: `http://…`, `tcp://…`, with names as the pod resolves them.
        count: how many.
        method: of HTTP.
        headers: of HTTP.
        body: of HTTP, or the bytes sent.
        timeout: seconds for each.
        fresh: a new connection for each.
    """

    client: str
    url: str
    count: int = 1
    method: str = "GET"
    headers: dict[str, str] = {}
    body: str = ""
    timeout: float = 5.0
    fresh: bool = True


class Load(Struct, frozen=True, tag_field="do", tag="load"):
    """Send requests from a pod by the clock, whether or not earlier ones were answered.

    Attributes:
        client: as of `Call`.
        url: likewise.
        rate: requests per second.
        seconds: for how long.
        connections: at most this many at a time.
        fresh: a new connection for each.
        headers: of each.
    """

    client: str
    url: str
    rate: float
    seconds: float
    connections: int = 8
    fresh: bool = False
    headers: dict[str, str] = {}


class Edge(Struct, frozen=True):
    """Requests that each pod of a workload sends for as long as it lives.

    Attributes:
        name: under which they are counted.
        workload: that sends: `namespace/kind/name`, e.g. `shop/Deployment/web`.
        url: as of `Call`.
        rate: requests per second, of all its pods together.
        method: of HTTP.
        headers: of HTTP.
        body: of HTTP.
        timeout: seconds for each.
        connections: at most this many at a time, of each pod.
        fresh: a new connection for each.
        accept: codes that are no failure; none for all below 400.
        expect: `<namespace>/<beginning of the pod's name>` of those who may answer; none for anybody.
        uses: requests for which a connection is kept; 0 for any number of HTTP, and for one of bytes.
    """

    name: str
    workload: str
    url: str
    rate: float
    method: str = "GET"
    headers: dict[str, str] = {}
    body: str = ""
    timeout: float = 5.0
    connections: int = 4
    fresh: bool = False
    accept: list[int] = []
    expect: list[str] = []
    uses: int = 0


class Drive(Struct, frozen=True, tag_field="do", tag="drive"):
    """Have workloads send these requests from now on, pods that come later too; in the place of all before."""

    edges: list[Edge]


class Driven(Struct, frozen=True, tag_field="do", tag="driven"):
    """What became of driven requests, by edge and second; of the seconds from one on."""

    since: int = 0


class Logs(Struct, frozen=True, tag_field="do", tag="logs"):
    """The last lines that a pod (all of its containers, or one), a node's proxy or a part of the lab wrote."""

    name: str
    lines: int = 100
    container: str = ""


class Top(Struct, frozen=True, tag_field="do", tag="top"):
    """CPU and memory of every process, over an interval in seconds."""

    interval: float = 1.0


class Certificates(Struct, frozen=True, tag_field="do", tag="certs"):
    """The certificates that proxies hold."""


class ConfigDump(Struct, frozen=True, tag_field="do", tag="config-dump"):
    """What the proxy of a node or of a pod was told."""

    name: str


class Verify(Struct, frozen=True, tag_field="do", tag="verify"):
    """Ask the packets whether each pod is captured as its labels say."""


class Fault(Struct, frozen=True, tag_field="do", tag="fault"):
    """Break a part on purpose: `kill` or `stop` and `continue` a process by its name.

    Or `replace` a node's proxy by another, gently, or `lose` a node, or have the clock of a proxy be wrong by so many
    `seconds` (`skew`; 0 for right again), by which its certificates are not yet valid or have expired. `slow` lets a
    process run a `share` of the time (0 for all of it), `limit` kills it above so many bytes of `memory` (0 for none).
    The name of a Gateway's proxies without the end that chance gave (`waypoint/shop/waypoint`) is all of them.
    """

    process: str
    how: str = "kill"
    seconds: float = 0.0
    share: float = 0.0
    memory: int = 0


class Rotate(Struct, frozen=True, tag_field="do", tag="rotate"):
    """Exchange the mesh's `root` or `intermediate` certificate while it works; answered when all have the new one."""

    what: str


class Metrics(Struct, frozen=True, tag_field="do", tag="metrics"):
    """Connections and bytes by ztunnel's names, as Prometheus reads them."""


class Token(Struct, frozen=True, tag_field="do", tag="token"):
    """A token of the lab's issuer.

    Attributes:
        claims: as written.
        seconds: for which it is valid; below 0 for one that has expired.
        keys: the issuer's keys instead.
    """

    claims: dict[str, str] = {}
    seconds: int = 3600
    keys: bool = False


class Traces(Struct, frozen=True, tag_field="do", tag="traces"):
    """Traces that are kept, the newest first; of one, whose id begins so, where an id is named.

    Attributes:
        id: the beginning of a trace's id; empty for all.
        most: how many.
    """

    id: str = ""
    most: int = 20


class Graph(Struct, frozen=True, tag_field="do", tag="graph"):
    """Who calls whom, as all layers saw it: since the lab came up, or from now on for some seconds."""

    seconds: float = 0.0


class Enter(Struct, frozen=True, tag_field="do", tag="enter"):
    """What is needed to run a command in a pod."""

    pod: str


class Watch(Struct, frozen=True, tag_field="do", tag="watch"):
    """All objects of some kinds, then their changes, for as long as the connection stays."""

    kinds: list[str]


class Down(Struct, frozen=True, tag_field="do", tag="down"):
    """End the lab."""


Request = (
    Status | List | Get | Exchange | Apply | Delete | Label | Scale | Restart | Await | Taken | Call | Load
    | Drive | Driven | Logs | Top | Certificates | ConfigDump | Verify | Fault | Rotate | Metrics | Token
    | Traces | Graph | Enter | Watch | Down
)  # fmt: skip


class Refusal(Struct, frozen=True, omit_defaults=True):
    """Why a request failed: the parts of a `SidestepError`."""

    message: str
    where: str = ""
    remedy: str = ""


class Answer(Struct, frozen=True, omit_defaults=True):
    """One line from a lab: an event while it works, and at last a result or a refusal."""

    event: Any = None
    result: Any = None
    refusal: Refusal | None = None
    done: bool = False
