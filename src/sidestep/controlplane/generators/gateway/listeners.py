"""Listeners of a gateway: one for each port of its pods, with what the Gateways that they run take there.

Source: pilot/pkg/networking/core/gateway.go. Requests of all Gateways of a port are answered by one set of routes; who
speaks TLS is told apart by the server name.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from envoy.config.core.v3.base_pb2 import TransportSocket
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from msgspec import Struct

from sidestep.controlplane.generators.http import hcm
from sidestep.controlplane.generators.http.actions import BLACKHOLE
from sidestep.controlplane.generators.http.authorization import Place
from sidestep.controlplane.generators.http.filters import BOTH, http_filters
from sidestep.controlplane.generators.http.listening import ANY, addresses, bytes_to, chain, inspectors
from sidestep.controlplane.generators.http.streams import judged
from sidestep.controlplane.generators.http.telemetry import Reporter
from sidestep.controlplane.generators.http.tls import credential_name, credential_server, mutual_server
from sidestep.controlplane.generators.sidecar.pod import Pod
from sidestep.controlplane.generators.sidecar.reached import Reached
from sidestep.semantics.authorization.seen import Chain
from sidestep.semantics.routing.gateway_tables import GatewayStreams, GatewayTable
from sidestep.semantics.routing.hosts import is_wildcard
from sidestep.semantics.routing.servers import Server

_ISTIO_MUTUAL, _MUTUAL = "ISTIO_MUTUAL", "MUTUAL"


class Port(Struct, frozen=True):
    """A port of a gateway's pods.

    Attributes:
        number: as the pods listen.
        tables: of the Gateways that they run, with their names.
    """

    number: int
    tables: tuple[tuple[str, GatewayTable], ...]

    @property
    def servers(self) -> Iterator[tuple[str, Server]]:
        """All listeners."""
        return ((gateway, server) for gateway, table in self.tables for server in table.servers)

    def routes(self, *, tls: bool) -> str:
        """Name of its routes."""
        return f"{'https' if tls else 'http'}.{self.number}"

    def reads(self, *, tls: bool) -> bool:
        """Whether it reads HTTP, within TLS or without."""
        return any(server.reads_http and server.tls is tls for _, server in self.servers)


def ports(pod: Pod) -> list[Port]:
    """All of them: the number of a listener is that of a Service before the pods, or else their own."""
    mapped: dict[int, set[int]] = {}
    for served in pod.workload.services.values():
        for each in served:
            mapped.setdefault(each.service_port, set()).add(each.target_port)
    found: dict[int, list[tuple[str, GatewayTable]]] = {}
    for gateway in pod.mesh.gateways.run_by(pod.instances):
        for table in pod.mesh.routing.gateway_tables(gateway):
            for number in sorted(mapped.get(table.port, {table.port})):
                found.setdefault(number, []).append((gateway, table))
    return [Port(number, tuple(tables)) for number, tables in sorted(found.items())]


def listener(pod: Pod, port: Port, reached: Reached) -> Listener:
    """The listener of a port."""
    chains = [*_secure(pod, port, reached), *_streams(pod, port, reached)]
    if port.reads(tls=False):
        chains.append(chain("http", _http(pod, port, reached, tls=False)))
    tls = any(server.tls for _, server in port.servers)
    return Listener(
        name=f"{ANY[0]}_{port.number}",
        traffic_direction="OUTBOUND",
        listener_filters_timeout=timedelta(0),
        listener_filters=inspectors((), None)[1:] if tls else [],
        filter_chains=_told_apart(chains),
        **addresses(port.number, ANY),
    )


def _secure(pod: Pod, port: Port, reached: Reached) -> Iterator[FilterChain]:
    for gateway, server in port.servers:
        if server.reads_http and server.tls:
            socket = _socket(pod, gateway, server)
            if socket is not None:
                match = {"transport_protocol": "tls", **_names(_hosts(server))}
                name = f"https|{server.name}"
                yield chain(name, _http(pod, port, reached, tls=True), match, transport_socket=socket)


def _streams(pod: Pod, port: Port, reached: Reached) -> Iterator[FilterChain]:
    for gateway, table in port.tables:
        for streams in table.streams:
            yield from _stream_chains(pod, gateway, table, streams, reached)


def _stream_chains(
    pod: Pod, gateway: str, table: GatewayTable, streams: GatewayStreams, reached: Reached
) -> Iterator[FilterChain]:
    server = streams.server
    socket = _socket(pod, gateway, server) if server.tls and not server.passes_on else None
    if server.tls and not server.passes_on and socket is None:
        return
    for at, (entry, _) in enumerate(streams.entries):
        names = entry.server_names if server.passes_on else _hosts(server)
        match: dict[str, Any] = {"transport_protocol": "tls", **_names(names)} if server.tls else {}
        weights: dict[str, int] = {}
        for target in entry.targets:
            if target.weight:
                name = reached.cluster(target, table.port, table.reach) or BLACKHOLE
                weights[name] = weights.get(name, 0) + target.weight
        policies = pod.mesh.sidecar_policies(pod.instances, Chain.TCP)
        filters = [
            *judged(policies, Place.SIDECAR, pod.authorizers, reached.asked, several=pod.several),
            bytes_to(f"gateway_{table.port}", weights or {BLACKHOLE: 1}, pod.logs(Reporter.SOURCE)),
        ]
        fields = {} if socket is None else {"transport_socket": socket}
        yield chain(f"bytes|{server.name}|{at}", filters, match, **fields)


def _socket(pod: Pod, gateway: str, server: Server) -> TransportSocket | None:
    """How a listener ends TLS; None where it has nothing to show."""
    if server.mode.upper() == _ISTIO_MUTUAL:
        return mutual_server(pod.dialler)
    near = _credentials(pod, gateway, server)
    if not near:
        return None
    return credential_server([credential_name(each) for each in near], mutual=server.mode.upper() == _MUTUAL)


def references(pod: Pod, found: Iterable[Port]) -> Iterator[str]:
    """Secrets that listeners name, as they are asked for."""
    for port in found:
        for gateway, server in port.servers:
            yield from map(credential_name, _credentials(pod, gateway, server))


def _credentials(pod: Pod, gateway: str, server: Server) -> list[str]:
    """Secrets of the Gateway's or its pods' namespace; those of others are not handed out."""
    own = pod.workload.namespace
    named = [each if "/" in each else f"{own}/{each}" for each in server.credentials]
    return [each for each in named if each.partition("/")[0] in (gateway.partition("/")[0], own)]


def _http(pod: Pod, port: Port, reached: Reached, *, tls: bool) -> list[Filter]:
    filters = http_filters(BOTH, pod.named_authorizers, reached.asked)
    name = port.routes(tls=tls)
    seen = pod.watched(Reporter.SOURCE, reached.asked)
    return [
        hcm.manager(
            f"gateway_{name}",
            name,
            hcm.Side.EDGE,
            filters,
            paths=pod.mesh.settings.normalisation,
            logs=seen.logs,
            tracing=seen.tracing,
        )
    ]


def _hosts(server: Server) -> list[str]:
    return list(dict.fromkeys(host.rpartition("/")[2].lower() for host in server.hosts))


def _names(hosts: Iterable[str]) -> dict[str, list[str]]:
    """Server names of a chain; none for any. A star stands for whole labels alone."""
    found = [each for each in hosts if not is_wildcard(each) or each.startswith("*.")]
    return {"server_names": found} if found and len(found) == len(list(hosts)) else {}


def _told_apart(chains: Sequence[FilterChain]) -> list[FilterChain]:
    """Of chains that take the same connections the first counts: Envoy refuses two."""
    found: dict[bytes, FilterChain] = {}
    for each in chains:
        found.setdefault(each.filter_chain_match.SerializeToString(deterministic=True), each)
    names: set[str] = set()
    kept = []
    for each in found.values():
        own = [name for name in each.filter_chain_match.server_names if name not in names]
        if own or not each.filter_chain_match.server_names:
            names |= set(own)
            del each.filter_chain_match.server_names[:]
            each.filter_chain_match.server_names.extend(own)
            kept.append(each)
    return kept
