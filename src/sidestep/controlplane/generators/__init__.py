"""From records to what a proxy is told: pure functions, one folder per role of a proxy.

The server asks a role's generator; what it may ask of the records is `controlplane.index.Index`. Nothing here knows of
streams, versions, acknowledgements or keys.

How the server uses a generator. Resources belong to *units*: a unit is made again as a whole, and what it no longer
yields is removed from the proxies. After a change the server asks `units` with what is dirty, and makes only those
units again. A resource that nobody needs until it is asked for (on-demand clusters, routes by name) is made by
`on_demand`, kept, and made again when something that it `depends` on is dirty.

Certificates are no resource of a generator: the server makes them, from names that `secret_name` forms, and only for
identities of pods on the proxy's own node.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NewType, Protocol, runtime_checkable

from google.protobuf.message import Message
from msgspec import Struct

from sidestep.controlplane.index import Index
from sidestep.controlplane.records import Dirty, PolicyKey, ServiceKey, WorkloadUid

Unit = NewType("Unit", str)
"""What is made again as a whole, e.g. `workload/<uid>`; a generator forms them as it likes."""
Topic = NewType("Topic", str)
"""What a resource on demand was made from; formed by the functions `about_…`."""

CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
ENDPOINTS = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
ROUTES = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
SCOPED_ROUTES = "type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration"
VIRTUAL_HOST = "type.googleapis.com/envoy.config.route.v3.VirtualHost"
SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret"  # noqa: S105
EXTENSION = "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig"
ADDRESS = "type.googleapis.com/istio.workload.Address"
AUTHORIZATION = "type.googleapis.com/istio.security.Authorization"

ROOTS = "roots"
"""Name of the secret (a validation context) with all trusted roots. It binds no root to its trust domain: with more
than one, use `roots@<trust domain>`, the roots of one, where the peer's identity is known (outbound), and
`DOMAIN_ROOTS` where any may come (inbound). A word after a colon (`roots:in`) makes another name of the same."""
DOMAIN_ROOTS = "roots-by-domain"
"""Likewise, by Envoy's SPIFFE validator: a root counts only for names of its own trust domain. That validator does
not look at `envoy.network.upstream_subject_alt_names`."""

VARIANT = "#"
"""Parts the name of a cluster from a word of its own in the name of its endpoints, where a cluster asks for such."""

CREDENTIALS = "kubernetes://"
"""Names of Secrets of the cluster that a proxy asks for begin so: a generator makes them, on demand."""


class Resource(Struct, frozen=True):
    """One resource of a proxy's configuration.

    Attributes:
        type_url: of the message.
        name: as proxies ask for it.
        message: never changed after it was handed over.
        proxy: the one proxy (a node's name, or `<namespace>/<pod>`) or the group that may have it; empty for all of
            the role.
        depends: for a resource on demand, what makes it stale.
        asked: only for proxies that ask for this name, even where others of its type go to all who take everything.
        of: objects and their fields that it was made from, in words: told to people where a proxy rejects it.
    """

    type_url: str
    name: str
    message: Message
    proxy: str = ""
    depends: frozenset[Topic] = frozenset()
    asked: bool = False
    of: tuple[str, ...] = ()


class Generator(Protocol):
    """What proxies of one role are told."""

    def group(self, index: Index, proxy: str) -> str:
        """The group of a proxy, all of which are told the same, e.g. the replicas of a waypoint; empty for none.

        It is told apart from every proxy's name.
        """

    def units(self, index: Index, dirty: Dirty | None) -> Iterable[Unit]:
        """Units that a change touched, also those that it took away; all that there are for None."""

    def resources(self, index: Index, unit: Unit) -> Iterable[Resource]:
        """Everything of a unit as it is now; nothing for one that is gone. No two units share a resource."""

    def on_demand(self, index: Index, type_url: str, name: str, proxy: str) -> Resource | None:
        """A resource that no unit has, for who asks by name; None to say that there is none.

        It must name what it depends on (`about_address` also of an address that nobody has), or it stays as it is;
        None is asked again when what `vacated` depends on changes, or at every change where that is None too.
        An answer whose `proxy` is empty is for all, and made again with an empty `proxy` here.
        """

    def vacated(self, type_url: str, name: str, proxy: str) -> Resource | None:
        """What stands for a resource that was made on demand and is no more, or never was; None for nothing.

        Envoy does not survive that a cluster is taken away while connections of it are open.
        """


@runtime_checkable
class Remarking(Protocol):
    """A generator that leaves out what cannot be told, and says what."""

    @property
    def remarks(self) -> Mapping[Unit, Sequence[object]]:
        """By unit; each, as a text, names object and field."""


def secret_name(purpose: str, identity: str) -> str:
    """Name of the secret with a workload's certificate and key.

    Envoy hangs when one name is used by a listener and on demand over one stream (envoy.md §3): use two purposes.

    Args:
        purpose: any word without a colon, e.g. `in`, `out`.
        identity: `spiffe://…`.
    """
    return f"{purpose}:{identity}"


def about_workload(uid: WorkloadUid) -> Topic:
    """The record of a workload."""
    return Topic(f"workload {uid}")


def about_service(key: ServiceKey) -> Topic:
    """The record of a service."""
    return Topic(f"service {key}")


def about_endpoints(key: ServiceKey) -> Topic:
    """Which workloads serve a service, and their records."""
    return Topic(f"endpoints {key}")


def about_address(address: str) -> Topic:
    """Who has an address: workloads, services; also when nobody had it yet. Networks apart: `about_networks`."""
    return Topic(f"address {address}")


def about_networks() -> Topic:
    """Services whose virtual addresses are networks: what `Index.service_at` finds where nobody has an address."""
    return Topic("networks")


def about_policy(key: PolicyKey) -> Topic:
    """An authorization."""
    return Topic(f"policy {key}")


def about_policies(namespace: str) -> Topic:
    """The authorizations that apply to a whole namespace, or with an empty name to all."""
    return Topic(f"policies {namespace}")


def about_configuration() -> Topic:
    """What the configuration means (`Index.mesh`): any object that meaning is read from."""
    return Topic("configuration")


def about_node(node: str) -> Topic:
    """The workloads of a node, and their records."""
    return Topic(f"node {node}")


def topics(dirty: Dirty) -> Iterable[Topic]:
    """What a change touched, in the words of `Resource.depends`."""
    yield from map(about_workload, dirty.workloads)
    yield from map(about_service, dirty.services)
    yield from map(about_endpoints, dirty.endpoints)
    yield from map(about_address, dirty.addresses)
    if any("/" in address for address in dirty.addresses):
        yield about_networks()
    yield from map(about_policy, dirty.policies)
    yield from map(about_policies, dirty.policy_namespaces)
    yield from map(about_node, dirty.nodes)
    if dirty.configuration:
        yield about_configuration()
