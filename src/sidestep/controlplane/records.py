"""What a node proxy is told: workloads, services and authorizations, as istiod would tell them to a ztunnel.

Source: ztunnel.md §3.7 to §3.9 (proto/workload.proto, pilot/pkg/serviceregistry/ambient). Authorizations are those of
`semantics.authorization.ztunnel`; here they only get their keys.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NewType

from msgspec import Struct

from sidestep.controlplane.registry.objects import Ref
from sidestep.semantics.authorization.ztunnel import Authorization
from sidestep.semantics.identity import SPIFFE, principal_of

WorkloadUid = NewType("WorkloadUid", str)
"""`<cluster>//Pod/<namespace>/<name>` for a pod: who wins an address is told by the text (ztunnel.md §3.10)."""
ServiceKey = NewType("ServiceKey", str)
"""`<namespace>/<full host name>`."""
PolicyKey = NewType("PolicyKey", str)
"""`<namespace>/<name>`."""

HBONE_PORT = 15008
NETNS_ANNOTATION = "sidestep.dev/netns"
PROXY_ANNOTATION = "sidestep.dev/proxy"
"""Which of the mesh's proxies runs in a pod, as the machine decided; it stands only on pods that have one."""


class ProxyRole(StrEnum):
    """What a proxy does; all but a node's run in pods."""

    NODE = "node"
    SIDECAR = "sidecar"
    WAYPOINT = "waypoint"
    GATEWAY = "gateway"


class Tunnel(StrEnum):
    """How a workload is reached."""

    NONE = "NONE"
    HBONE = "HBONE"


class Scope(StrEnum):
    """What endpoints are preferred by."""

    REGION = "REGION"
    ZONE = "ZONE"
    SUBZONE = "SUBZONE"
    NODE = "NODE"
    CLUSTER = "CLUSTER"
    NETWORK = "NETWORK"


class Preference(StrEnum):
    """Whether endpoints that are not preferred may be used at all."""

    ANY = "UNSPECIFIED_MODE"
    STRICT = "STRICT"
    FAILOVER = "FAILOVER"
    PASSTHROUGH = "PASSTHROUGH"


class Families(StrEnum):
    """Which addresses of endpoints a service has."""

    AUTOMATIC = "AUTOMATIC"
    IPV4 = "IPV4_ONLY"
    IPV6 = "IPV6_ONLY"
    DUAL = "DUAL"


class Locality(Struct, frozen=True):
    """Where a workload runs."""

    region: str = ""
    zone: str = ""
    subzone: str = ""


class PortMap(Struct, frozen=True):
    """A port as it is dialled, and the port of the pod behind it; 0 for a named one that each workload resolves."""

    service_port: int
    target_port: int


class WaypointAddress(Struct, frozen=True):
    """Where a waypoint listens: the key of its service, or an address."""

    service: ServiceKey = ServiceKey("")
    address: str = ""
    port: int = HBONE_PORT


class Workload(Struct, frozen=True):
    """One pod, or another endpoint.

    Attributes:
        uid: its key.
        name: of the pod.
        namespace: of the pod.
        addresses: IPv4 and IPv6, in the order of the pod's status.
        node: where it runs.
        account: service account.
        trust_domain: of its identity.
        tunnel: whether it is reached by HBONE.
        native_tunnel: it speaks HBONE itself (waypoint, gateway, sidecar that listens).
        waypoint: for traffic to its own address.
        policies: keys of authorizations that it lists; a key that was never sent protects nothing.
        healthy: whether it may be chosen.
        services: what it serves, with its own target ports.
        locality: of its node.
        host_network: it shares its node's address.
        hostname: to be resolved when dialled, for an endpoint without an address.
        workload_name: of its controller.
        canonical_name: for telemetry.
        canonical_revision: likewise.
        netns: path of the network namespace in which the node's proxy listens for it; empty while it shall not. The
            machine says so by the pod's annotation `sidestep.dev/netns`, some time before and after the others may use
            HBONE: listeners come first and go last. Nobody but the pod's own node is told.
        proxy: which of the mesh's proxies runs in the pod; None for none.
        labels: of the pod.
    """

    uid: WorkloadUid
    name: str
    namespace: str
    addresses: tuple[str, ...] = ()
    node: str = ""
    account: str = "default"
    trust_domain: str = "cluster.local"
    tunnel: Tunnel = Tunnel.NONE
    native_tunnel: bool = False
    waypoint: WaypointAddress | None = None
    policies: tuple[PolicyKey, ...] = ()
    healthy: bool = True
    services: Mapping[ServiceKey, tuple[PortMap, ...]] = {}
    locality: Locality = Locality()
    host_network: bool = False
    hostname: str = ""
    workload_name: str = ""
    canonical_name: str = ""
    canonical_revision: str = ""
    netns: str = ""
    proxy: ProxyRole | None = None
    labels: Mapping[str, str] = {}


def proxy_name(workload: Workload) -> str:
    """By which a pod's proxy is known: `<namespace>/<pod>`."""
    return f"{workload.namespace}/{workload.name}"


def identity_of(workload: Workload) -> str:
    """The name in its certificate: `spiffe://<trust domain>/ns/<namespace>/sa/<account>`."""
    return SPIFFE + principal_of(workload.trust_domain, workload.namespace, workload.account)


class Service(Struct, frozen=True):
    """One Service, or one host of a ServiceEntry.

    Attributes:
        name: short name.
        namespace: of the object.
        hostname: full name.
        vips: addresses of its own, or networks (`10.0.0.0/24`); none for a headless one.
        ports: as declared.
        sans: identities that are accepted besides the endpoint's.
        waypoint: where all its clients' connections go.
        preferences: what endpoints are preferred by, the first counts most.
        mode: whether others are used at all.
        all_endpoints: endpoints that are not healthy are used too.
        families: which addresses of endpoints are used.
        canonical: a Kubernetes Service, which wins over ServiceEntries of the same host.
        ingress_use_waypoint: for gateways.
    """

    name: str
    namespace: str
    hostname: str
    vips: tuple[str, ...] = ()
    ports: tuple[PortMap, ...] = ()
    sans: tuple[str, ...] = ()
    waypoint: WaypointAddress | None = None
    preferences: tuple[Scope, ...] = ()
    mode: Preference = Preference.ANY
    all_endpoints: bool = False
    families: Families = Families.AUTOMATIC
    canonical: bool = True
    ingress_use_waypoint: bool = False

    @property
    def key(self) -> ServiceKey:
        """Its key."""
        return ServiceKey(f"{self.namespace}/{self.hostname}")


def led(service: Service) -> tuple[str, ...]:
    """Addresses of a ServiceEntry of which proxies must be told: whoever dials them is led elsewhere.

    Where it only gives a name to what is dialled (resolution NONE, no waypoint), every port is dialled as it is
    (ztunnel.md §6.1).
    """
    as_it_is = service.mode is Preference.PASSTHROUGH and service.waypoint is None
    return () if service.canonical or as_it_is else service.vips


class Dirty(Struct, frozen=True):
    """What a change touched.

    Attributes:
        workloads: changed, new or gone.
        services: likewise.
        policies: likewise.
        endpoints: services of which an endpoint is among the workloads, or has an address of theirs, before or after.
        addresses: of workloads and services, before and after; a network as it is written.
        nodes: of workloads, before and after.
        policy_namespaces: where policies apply to all workloads, before or after; empty for the whole mesh.
        configuration: objects that meaning is read from (`live`), pods apart.
        led: addresses from which ServiceEntries began or ceased to lead elsewhere (`led`).
    """

    workloads: frozenset[WorkloadUid] = frozenset()
    services: frozenset[ServiceKey] = frozenset()
    policies: frozenset[PolicyKey] = frozenset()
    endpoints: frozenset[ServiceKey] = frozenset()
    addresses: frozenset[str] = frozenset()
    nodes: frozenset[str] = frozenset()
    policy_namespaces: frozenset[str] = frozenset()
    configuration: frozenset[Ref] = frozenset()
    led: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether anything was touched."""
        return bool(self.workloads or self.services or self.policies or self.configuration)


class Records(Struct, frozen=True):
    """Everything that is known at one moment."""

    workloads: Mapping[WorkloadUid, Workload]
    services: Mapping[ServiceKey, Service]
    policies: Mapping[PolicyKey, Authorization]
