"""What a pod with a sidecar sends: a listener that takes everything, and one for each port or address that is known.

Source: pilot/pkg/networking/core/listener.go, httproute.go, istio-semantics.md §5.3. What becomes of a request or a
connection is said by `semantics.routing.sidecar_tables`; here it is written down. A port whose services declare HTTP
has one listener for all addresses and routes by name; every other port of a service has its own by address.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener

from sidestep.controlplane.generators.http import hcm
from sidestep.controlplane.generators.http.actions import BLACKHOLE
from sidestep.controlplane.generators.http.balancing import hashes_addresses
from sidestep.controlplane.generators.http.filters import Duty, http_filters
from sidestep.controlplane.generators.http.listening import (
    ANY,
    PLAIN_HTTP,
    addresses,
    bytes_to,
    chain,
    handed,
    inspectors,
)
from sidestep.controlplane.generators.http.names import MARK_BYTES, MARK_HTTP, PASSTHROUGH
from sidestep.controlplane.generators.http.pools import AS_CLIENT, HTTP_OPTIONS
from sidestep.controlplane.generators.http.remarks import Fields
from sidestep.controlplane.generators.http.telemetry import Reporter
from sidestep.controlplane.generators.node.chains import WHERE_TO, remember
from sidestep.controlplane.generators.node.clusters import NOWHERE, UNBROKEN
from sidestep.controlplane.generators.node.messages import cidr, packed, state
from sidestep.controlplane.generators.sidecar import inbound
from sidestep.controlplane.generators.sidecar.pod import Pod
from sidestep.controlplane.generators.sidecar.reached import Reached
from sidestep.controlplane.generators.sidecar.routes import own_routes_name
from sidestep.controlplane.records import HBONE_PORT, ServiceKey
from sidestep.semantics.routing.defaults import ALLOW_ANY
from sidestep.semantics.routing.rule import StreamEntry, Target
from sidestep.semantics.routing.sidecar_tables import Dialled, SidecarTable

PORT = 15001
LISTENER = "virtualOutbound"
TAKEN = frozenset({PORT, inbound.PORT, HBONE_PORT, 15021, 15090})
"""Ports on which the proxy itself listens: what is dialled there is not known by its port."""
_ALPN = "envoy.network.application_protocols"


def listeners(pod: Pod, tables: Iterable[SidecarTable], reached: Reached) -> Iterator[Listener]:
    """All listeners of what a pod sends."""
    yield _everything(pod)
    taken: set[tuple[str, int]] = set()
    for table in tables:
        if table.port in TAKEN:
            continue
        if table.http is not None:
            yield handed(
                f"{ANY[0]}_{table.port}",
                table.port,
                ANY,
                listener_filters=[WHERE_TO],
                filter_chains=[chain("http", _http(pod, f"outbound_{table.port}", str(table.port), reached))],
            )
        for dialled in table.dialled:
            for listed in _places(pod, dialled):
                free = [each for each in listed if (each, table.port) not in taken]
                taken |= {(each, table.port) for each in free}
                if free and (chains := list(_chains(pod, table, dialled, reached))):
                    yield _of_service(pod, table, dialled, free, chains)


def unknown(pod: Pod) -> str:
    """The cluster of what is not known."""
    policy, _ = pod.mesh.routing.outbound_policy(pod.client)
    return PASSTHROUGH if policy.startswith(ALLOW_ANY) else BLACKHOLE


def clusters() -> Iterator[Cluster]:
    """Of what is not known, and of what leads nowhere."""
    found = Cluster(
        name=PASSTHROUGH,
        type="ORIGINAL_DST",
        lb_policy="CLUSTER_PROVIDED",
        connect_timeout=timedelta(seconds=10),
        circuit_breakers=UNBROKEN,
    )
    found.typed_extension_protocol_options[HTTP_OPTIONS].CopyFrom(packed(AS_CLIENT))
    yield found
    for name in (BLACKHOLE, NOWHERE):
        yield Cluster(name=name, type="STATIC", load_assignment={"cluster_name": name})


def _everything(pod: Pod) -> Listener:
    """Takes what the kernel redirects, and hands it to who knows where it was going to."""
    policy = unknown(pod)
    itself = chain("blackhole", [bytes_to("blackhole", {BLACKHOLE: 1})], {"destination_port": {"value": PORT}})
    return Listener(
        name=LISTENER,
        traffic_direction="OUTBOUND",
        use_original_dst={"value": True},
        filter_chains=[itself, chain("unknown", [bytes_to(policy, {policy: 1}, pod.logs(Reporter.SOURCE))])],
        **addresses(PORT, ANY),
    )


def _places(pod: Pod, dialled: Dialled) -> Iterator[Sequence[str]]:
    """Addresses by which a service is dialled; those of a headless one are its pods', each of which has a listener."""
    service = pod.mesh.services.by_host[dialled.service.name]
    if not service.headless:
        vips = tuple(each for each in service.vips if "/" not in each)
        yield vips
        return
    for workload in pod.index.endpoints(ServiceKey(f"{service.namespace}/{service.host}")):
        for address in workload.addresses:
            yield (address,)


def _of_service(
    pod: Pod, table: SidecarTable, dialled: Dialled, listed: Sequence[str], chains: Sequence[FilterChain]
) -> Listener:
    del pod
    sniffed = dialled.http is not None
    looks = inspectors((), ()) if sniffed else inspectors((), None) if dialled.port.is_tls else [WHERE_TO]
    return handed(f"{listed[0]}_{table.port}", table.port, listed, listener_filters=looks, filter_chains=chains)


def _chains(pod: Pod, table: SidecarTable, dialled: Dialled, reached: Reached) -> Iterator[FilterChain]:
    if dialled.http is not None:
        name = own_routes_name(dialled.service.name, table.port)
        for chain_name, offered, protocols in (
            ("http", PLAIN_HTTP[:2], (MARK_HTTP, "http/1.1")),
            ("h2c", PLAIN_HTTP[2:], (MARK_HTTP, "h2")),
        ):
            filters = [_offering(protocols), *_http(pod, f"outbound_{table.port}", name, reached)]
            yield chain(chain_name, filters, {"application_protocols": offered})
    if not dialled.streams:
        yield chain("bytes", _copied(pod, table, (Target(dialled.service.name),), reached))
        return
    whole = False
    for at, entry in enumerate(dialled.streams):
        match = _match(entry, tls=dialled.port.is_tls)
        if match == {} and whole:
            continue
        whole = whole or match == {}
        yield chain(f"bytes-{at}", _copied(pod, table, entry.targets, reached), match)
    if not whole:
        rest = _copied(pod, table, (Target(dialled.service.name),), reached)
        yield chain("bytes", [bytes_to(unknown(pod), {unknown(pod): 1})] if dialled.port.is_tls else rest)


def _match(entry: StreamEntry, *, tls: bool) -> dict[str, object]:
    found: dict[str, object] = {}
    if tls and entry.server_names and "*" not in entry.server_names:
        found["server_names"] = list(entry.server_names)
    if entry.subnets:
        found["prefix_ranges"] = [cidr(each) for each in entry.subnets]
    return found


def _copied(pod: Pod, table: SidecarTable, targets: Sequence[Target], reached: Reached) -> list[Filter]:
    """Bytes, in which nothing is read: by weight to each destination that there is."""
    weights: dict[str, int] = {}
    hashed = False
    for target in targets:
        name = reached.cluster(target, table.port, table.reach) or BLACKHOLE
        if target.weight:
            weights[name] = weights.get(name, 0) + target.weight
        settings = Fields(reached.settings(target, table.port, table.reach), None, "trafficPolicy", [])
        hashed = hashed or hashes_addresses(settings)
    return [
        _offering((MARK_BYTES,)),
        bytes_to(f"outbound_{table.port}", weights or {BLACKHOLE: 1}, pod.logs(Reporter.SOURCE), by_address=hashed),
    ]


def _offering(protocols: Sequence[str]) -> Filter:
    """What TLS of the mesh offers on behalf of a connection, where its cluster does not know."""
    return remember([state(_ALPN, ",".join(protocols), shared="ONCE")])


def _http(pod: Pod, prefix: str, routes: str, reached: Reached) -> list[Filter]:
    filters = http_filters(frozenset({Duty.ROUTE}), (), reached.asked)
    seen = pod.watched(Reporter.SOURCE, reached.asked)
    return [
        hcm.manager(
            prefix,
            routes,
            hcm.Side.CLIENT,
            filters,
            paths=pod.mesh.settings.normalisation,
            logs=seen.logs,
            tracing=seen.tracing,
        )
    ]
