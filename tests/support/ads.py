"""A control plane on loopback, told by a generator of the tests; and the bootstrap of an Envoy that is its client."""

import asyncio
import functools
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import grpc
import grpc.aio
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.service.discovery.v3 import ads_pb2_grpc
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest
from google.protobuf import json_format

from sidestep.controlplane.ads.plane import Plane
from sidestep.controlplane.ads.secrets import Secrets
from sidestep.controlplane.ads.server import Door, serve
from sidestep.controlplane.ca.authority import Authority, Trust
from sidestep.controlplane.ca.certificates import pem
from sidestep.controlplane.generators import (
    CLUSTER,
    ENDPOINTS,
    LISTENER,
    Resource,
    Unit,
    about_address,
    about_service,
)
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import Dirty, ServiceKey
from sidestep.controlplane.tokens import Proxy, Tokens
from sidestep.controlplane.wds.certificates import CertificateService

START = datetime(2026, 5, 1, 12, tzinfo=UTC)


class EveryService:
    """Of each service a cluster with its endpoints for all proxies, of each pod a listener for its node, addresses on demand."""

    def units(self, index: Index, dirty: Dirty | None) -> Iterable[Unit]:
        services = index.services if dirty is None else dirty.services | dirty.endpoints
        workloads = index.workloads if dirty is None else dirty.workloads
        yield from (Unit(f"service {key}") for key in sorted(services))
        yield from (Unit(f"workload {uid}") for uid in sorted(workloads))

    def resources(self, index: Index, unit: Unit) -> Iterable[Resource]:
        kind, _, key = unit.partition(" ")
        if kind == "service" and key in index.services:
            yield Resource(CLUSTER, key, cluster(key))
            yield Resource(ENDPOINTS, key, endpoints(index, ServiceKey(key)))
        workload = index.workloads.get(key)
        if kind == "workload" and workload and workload.netns:
            yield Resource(LISTENER, workload.name, tcp_listener(workload.name), proxy=workload.node)

    def group(self, _index: Index, _proxy: str) -> str:
        """Each has its own."""
        return ""

    def vacated(self, type_url: str, name: str, proxy: str) -> Resource | None:
        return None

    def on_demand(self, index: Index, type_url: str, name: str, proxy: str) -> Resource | None:
        if type_url != CLUSTER:
            return None
        address = name.rpartition(":")[0]
        service = index.service_at(address)
        depends = {about_address(address)} | ({about_service(service.key)} if service else set())
        message = cluster(name, alt=service.key if service else "nobody")
        return Resource(CLUSTER, name, message, depends=frozenset(depends))


def cluster(name: str, alt: str = "") -> Cluster:
    message = Cluster(name=name, alt_stat_name=alt or name, type=Cluster.EDS)
    message.connect_timeout.seconds = 1
    if alt:
        message.type = Cluster.STATIC
    else:
        message.eds_cluster_config.eds_config.ads.SetInParent()
        message.eds_cluster_config.eds_config.resource_api_version = 2
    return message


def endpoints(index: Index, key: ServiceKey) -> ClusterLoadAssignment:
    message = ClusterLoadAssignment(cluster_name=key)
    for workload in index.endpoints(key):
        for address in workload.addresses:
            socket = message.endpoints.add().lb_endpoints.add().endpoint.address.socket_address
            socket.address, socket.port_value = address, 80
    return message


def tcp_listener(name: str) -> Listener:
    return json_format.ParseDict(
        {"name": name, "internal_listener": {}, "filter_chains": [{"filters": []}]}, Listener()
    )


def in_a_loop(test):
    """A test that is a coroutine."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        asyncio.run(test(*args, **kwargs))

    return run


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Running:
    """A control plane that listens.

    Attributes:
        plane: what it says.
        tokens: that it accepts.
        roots: that its certificate chains to.
        port: on loopback.
        authority: the one that signs, which a test may exchange.
    """

    plane: Plane
    tokens: Tokens
    roots: bytes
    port: int
    clock: Clock = field(default_factory=Clock)
    authority: list[Authority] = field(default_factory=list)

    async def until(self, condition) -> None:
        """Wait for what must come."""
        for _ in range(6000):
            if condition():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"it did not come: {[each.rejection for each in self.plane.findings]}")


@asynccontextmanager
async def running(
    index: Index,
    *,
    authority: Authority | None = None,
    port: int = 0,
    at_home=lambda _proxy, _address: True,
    generator=None,
    role: str = "node",
) -> AsyncIterator[Running]:
    clock = Clock()
    held = [authority or Authority.new("cluster.local", clock())]
    tokens = Tokens(b"k" * 32)
    secrets = Secrets(index, lambda: Trust(held[0]), clock, lambda: 0.5)
    plane = Plane(index, {role: generator or EveryService()}, secrets)
    door = Door(tokens, frozenset({role}), clock, at_home)
    chain = held[0].serve(("controlplane.test",), datetime.now(UTC))
    certificates = CertificateService(plane, door).handler()
    server, bound = await serve(plane, door, chain, f"127.0.0.1:{port}", (certificates,))
    try:
        yield Running(plane, tokens, pem(held[0].anchors), bound, clock, held)
    finally:
        await server.stop(None)


def bootstrap(proxy: Proxy, port: int, token: Path, roots: Path, name: str = "controlplane.test") -> dict:
    """An Envoy that takes everything from the control plane, which it knows by name, and shows its token."""
    grpc = {
        "google_grpc": {
            "target_uri": f"127.0.0.1:{port}",
            "stat_prefix": "controlplane",
            "credentials_factory_name": "envoy.grpc_credentials.file_based_metadata",
            "channel_credentials": {"ssl_credentials": {"root_certs": {"filename": os.fspath(roots)}}},
            "channel_args": {"args": {"grpc.ssl_target_name_override": {"string_value": name}}},
            "call_credentials": [
                {
                    "from_plugin": {
                        "name": "envoy.grpc_credentials.file_based_metadata",
                        "typed_config": {
                            "@type": "type.googleapis.com/envoy.config.grpc_credential.v3.FileBasedMetadataConfig",
                            "secret_data": {"filename": os.fspath(token)},
                            "header_key": "authorization",
                            "header_prefix": "Bearer ",
                        },
                    }
                }
            ],
        }
    }
    ads = {"ads": {}, "resource_api_version": "V3"}
    return {
        "node": {"id": proxy.name, "cluster": proxy.role},
        "dynamic_resources": {
            "ads_config": {
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [grpc],
            },
            "cds_config": ads,
            "lds_config": ads,
        },
        "bootstrap_extensions": [
            {
                "name": "envoy.bootstrap.internal_listener",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener"
                },
            }
        ],
    }


async def first_answer(port: int, roots: bytes, name: str, token: str | None, node: str) -> list[str]:
    """What a client is told that shows a token, calls itself a node and asks for all clusters.

    Raises:
        grpc.aio.AioRpcError: it was refused.
    """
    credentials = grpc.ssl_channel_credentials(roots)
    metadata = () if token is None else (("authorization", f"Bearer {token}"),)
    options = (("grpc.ssl_target_name_override", name),)
    async with grpc.aio.secure_channel(f"127.0.0.1:{port}", credentials, options) as channel:
        call = ads_pb2_grpc.AggregatedDiscoveryServiceStub(channel).DeltaAggregatedResources(metadata=metadata)
        request = DeltaDiscoveryRequest(type_url=CLUSTER)
        request.node.id = node
        await call.write(request)
        answer = await call.read()
        if answer is grpc.aio.EOF:
            raise grpc.aio.AioRpcError(await call.code(), None, None, details=await call.details())
        return [each.name for each in answer.resources]
