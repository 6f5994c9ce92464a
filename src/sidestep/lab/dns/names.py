"""What names mean: the table that DNS servers answer from, kept by the machine and told to the agents."""

from enum import StrEnum

from msgspec import Struct


class Target(StrEnum):
    """What a name leads to."""

    ADDRESSES = "addresses"
    """Its own: the VIPs of a Service or of a ServiceEntry."""
    ENDPOINTS = "endpoints"
    """Those of its endpoints: a headless Service."""
    ALIAS = "alias"
    """Another name: ExternalName."""


class Source(StrEnum):
    """Which object a name comes from, and so which server knows it."""

    SERVICE = "service"
    """Both servers."""
    ENTRY = "entry"
    """A ServiceEntry: only the one of captured pods."""
    OUTSIDE = "outside"
    """A stub of the world outside: only the cluster's."""


class NamedPort(Struct, frozen=True):
    """A port, for SRV."""

    name: str
    number: int
    transport: str = "TCP"


class Endpoint(Struct, frozen=True):
    """One endpoint of a headless Service.

    Attributes:
        addresses: IPv4 and IPv6.
        hostname: its own name before the Service's; of a StatefulSet's pod. Empty for the address with dashes.
        ready: whether it is answered (`publishNotReadyAddresses` says ready for all).
    """

    addresses: tuple[str, ...]
    hostname: str = ""
    ready: bool = True


class Name(Struct, frozen=True):
    """A host and what it means.

    Attributes:
        host: full name without the last dot, `reviews.default.svc.cluster.local`; may begin with `*.` for an entry.
        namespace: of the object.
        source: which kind of object.
        target: what it leads to.
        addresses: for `ADDRESSES`.
        endpoints: for `ENDPOINTS`.
        alias: for `ALIAS`.
        ports: for SRV.
        exported_to: namespaces that may see it (`*` for all); an entry's `exportTo`.
        canonical: a Kubernetes Service, which wins over an entry of the same host.
    """

    host: str
    namespace: str = ""
    source: Source = Source.SERVICE
    target: Target = Target.ADDRESSES
    addresses: tuple[str, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    alias: str = ""
    ports: tuple[NamedPort, ...] = ()
    exported_to: tuple[str, ...] = ("*",)
    canonical: bool = True

    @property
    def key(self) -> tuple[str, str, str]:
        """What it is stored by: a host may have one of each object's namespace and source."""
        return self.source.value, self.namespace, self.host


class DnsConfig(Struct, frozen=True):
    """A pod's resolv.conf.

    Attributes:
        nameservers: addresses.
        search: list of suffixes.
        ndots: a name with fewer dots is tried with the suffixes first.
    """

    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    ndots: int = 5


def resolv_conf(config: DnsConfig) -> str:
    """The file as a kubelet writes it."""
    lines = []
    if config.search:
        lines.append("search " + " ".join(config.search))
    lines.extend(f"nameserver {each}" for each in config.nameservers)
    lines.append(f"options ndots:{config.ndots}")
    return "\n".join(lines) + "\n"


def cluster_first(namespace: str, nameserver: str, domain: str = "cluster.local") -> DnsConfig:
    """What a pod of policy ClusterFirst is given."""
    return DnsConfig((nameserver,), (f"{namespace}.svc.{domain}", f"svc.{domain}", domain))
