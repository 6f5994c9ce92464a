"""One request: who sends it, what it dials, and what it carries."""

from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.authentication.tokens import Token


class WorkloadClient(Struct, frozen=True, gc=False, tag="workload"):
    """Pods of a workload; of a workload in several states, those of one `group` (their place in the inventory)."""

    ref: WorkloadRef
    group: int = 0


class GatewayClient(Struct, frozen=True, gc=False, tag="gateway"):
    """What a gateway forwards, after it admitted it: `name` of its Gateway or Deployment."""

    namespace: str
    name: str


class Guise(StrEnum):
    """How a pod that nobody has read takes part in the mesh."""

    SIDECAR = "sidecar"
    OLD_SIDECAR = "old-sidecar"
    AMBIENT = "ambient"


class SomebodyClient(Struct, frozen=True, gc=False, tag="somebody"):
    """A pod that may come: of an account that no pod that was read has, maybe in a namespace that is not there yet.

    Attributes:
        namespace: its own.
        account: its service account.
        guise: whether it has a sidecar, one that knows no HBONE, or is in ambient.
        address: its own; empty where it does not count.
    """

    namespace: str
    account: str
    guise: Guise
    address: str = ""


class NodeClient(Struct, frozen=True, gc=False, tag="node"):
    """A process on a node: a kubelet, an agent on the host's network."""

    address: str = ""


class OutsideClient(Struct, frozen=True, gc=False, tag="outside"):
    """Somebody outside of the mesh who reaches pods directly: another network, a load balancer, a NodePort."""

    address: str = ""


class KubeletClient(Struct, frozen=True, gc=False, tag="kubelet"):
    """The kubelet of the pods' own node, which probes each of them at a port of its own, whatever name is dialled."""


Client = WorkloadClient | SomebodyClient | GatewayClient | NodeClient | OutsideClient | KubeletClient


class Http(Struct, frozen=True, gc=False):
    """An HTTP request.

    Attributes:
        method: as sent.
        path: with query.
        authority: Host header; empty for the name that is dialled.
        headers: by lower-case name.
        token: the bearer token.
        grpc: whether it is gRPC.
    """

    method: str = "GET"
    path: str = "/"
    authority: str = ""
    headers: dict[str, str] = {}
    token: Token = Token()
    grpc: bool = False


class Tcp(Struct, frozen=True, gc=False):
    """Bytes that no proxy reads: with TLS of the application's own where a server name is given."""

    server_first: bool = False
    sni: str = ""


class Answers(StrEnum):
    """What an external authorizer says, where the caller knows."""

    UNSTATED = "unstated"
    ALLOWS = "allows"
    DENIES = "denies"


class Request(Struct, frozen=True, gc=False):
    """One request.

    Attributes:
        client: who sends it.
        to: host name or address dialled.
        port: dialled.
        payload: what is sent.
        authorizer: what external authorizers would say.
        metadata: dynamic metadata that other filters would set, by filter and key.
        survey: not a request that is judged, but one that asks which policies would judge it: policies on HTTP let it
            pass, and are told.
    """

    client: Client
    to: str
    port: int
    payload: Http | Tcp = Http()
    authorizer: Answers = Answers.UNSTATED
    metadata: dict[str, dict[str, Any]] | None = None
    survey: bool = False
