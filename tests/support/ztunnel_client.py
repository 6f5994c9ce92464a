"""What a ztunnel would do: delta ADS for two types, certificates for keys of its own, and a packet socket for pods.

It keeps what it is told by ztunnel's rules (ztunnel.md §2.3, §3.4, §3.5 and §3.10), and notes where these leave a pod open.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from envoy.service.discovery.v3 import ads_pb2_grpc
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest, DeltaDiscoveryResponse

from sidestep.controlplane.generators import ADDRESS, AUTHORIZATION
from sidestep.controlplane.wds.tables import AUTH, SECURITY, WORKLOAD, ZDS

TYPES = (ADDRESS, AUTHORIZATION)
_DECODERS = {ADDRESS: WORKLOAD["Address"], AUTHORIZATION: SECURITY["Authorization"]}
_CREATE = "/istio.v1.auth.IstioCertificateService/CreateCertificate"
_PATIENCE = 60.0


@dataclass
class Store:
    """What a ztunnel holds: workloads by uid, services by `namespace/hostname`, policies by the resource's name.

    Attributes:
        versions: by type and name; what was accepted, which it says when it comes back.
        acknowledged: types of which a response was taken whole.
        unprotected: workloads that named a policy which was not there when they came, or went before they let it go.
        refuses: names that it takes for malformed.
    """

    workloads: dict[str, Any] = field(default_factory=dict)
    services: dict[str, Any] = field(default_factory=dict)
    policies: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=lambda: {each: {} for each in TYPES})
    acknowledged: set[str] = field(default_factory=set)
    unprotected: list[str] = field(default_factory=list)
    refuses: set[str] = field(default_factory=set)

    @property
    def ready(self) -> bool:
        return self.acknowledged == set(TYPES)

    def take(self, response: DeltaDiscoveryResponse) -> str:
        """Take a response in: resources first, then what is gone; what is wrong with it."""
        wrong = [f"{each.name}: {why}" for each in response.resources if (why := self._take(response.type_url, each))]
        for name in response.removed_resources:
            self.versions[response.type_url].pop(name, None)
            self._remove(response.type_url, name)
        if not wrong:
            self.acknowledged.add(response.type_url)
        return "; ".join(wrong)

    def _take(self, type_url: str, resource: Any) -> str:
        assert resource.resource.type_url == type_url
        assert resource.version
        message = _DECODERS[type_url].FromString(resource.resource.value)
        if resource.name in self.refuses:
            return "malformed"
        self.versions[type_url][resource.name] = resource.version
        if type_url == AUTHORIZATION:
            self.policies[resource.name] = message
        elif message.HasField("workload"):
            self._take_workload(resource.name, message.workload)
        else:
            assert resource.name == f"{message.service.namespace}/{message.service.hostname}"
            self.services[resource.name] = message.service
        return ""

    def _take_workload(self, name: str, workload: Any) -> None:
        assert name == workload.uid
        assert {len(each) for each in workload.addresses} <= {4, 16}
        assert workload.tunnel_protocol in {0, 1}
        if not self.policies.keys() >= set(workload.authorization_policies):
            self.unprotected.append(name)
        self.workloads[name] = workload

    def _remove(self, type_url: str, name: str) -> None:
        if type_url == AUTHORIZATION:
            self.policies.pop(name, None)
            self.unprotected += [uid for uid, each in self.workloads.items() if name in each.authorization_policies]
        elif name in self.workloads:
            del self.workloads[name]
        else:
            self.services.pop(name, None)


class Stream:
    """One stream of a ztunnel.

    Attributes:
        heard: responses, as they came.
    """

    def __init__(self, call: Any, store: Store) -> None:
        self._call, self.store = call, store
        self.heard: list[DeltaDiscoveryResponse] = []
        self._changed = asyncio.Condition()
        self._writing = asyncio.Lock()

    async def begin(self, node: str, order: tuple[str, ...], *, on_demand: bool) -> None:
        """Ask for each type; what it holds from before is said."""
        for type_url in order:
            request = DeltaDiscoveryRequest(type_url=type_url)
            request.node.id = "ztunnel~10.1.2.3~ztunnel-x.istio-system~istio-system.svc.cluster.local"
            request.node.metadata["NODE_NAME"] = node
            request.initial_resource_versions.update(self.store.versions[type_url])
            if on_demand and type_url == ADDRESS:
                request.resource_names_subscribe.append("*")
                request.resource_names_unsubscribe.append("*")
            await self._write(request)

    async def demand(self, key: str) -> None:
        await self._write(DeltaDiscoveryRequest(type_url=ADDRESS, resource_names_subscribe=[key]))

    async def _write(self, request: DeltaDiscoveryRequest) -> None:
        """One after the other: gRPC takes one message of a call at a time, and who listens acknowledges meanwhile."""
        async with self._writing:
            await self._call.write(request)

    async def listen(self) -> None:
        """Take what comes, and acknowledge it or not."""
        while (response := await self._call.read()) is not grpc.aio.EOF:
            wrong = self.store.take(response)
            answer = DeltaDiscoveryRequest(type_url=response.type_url, response_nonce=response.nonce)
            if wrong:
                answer.error_detail.message = wrong
            await self._write(answer)
            async with self._changed:
                self.heard.append(response)
                self._changed.notify_all()

    async def until(self, condition) -> None:
        """Wait for what must come."""
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(condition), _PATIENCE)
            except TimeoutError:
                raise AssertionError(f"it did not come; heard {self.heard}") from None

    def told(self) -> list[str]:
        """All names of resources, as they came."""
        return [each.name for response in self.heard for each in response.resources]

    def gone(self) -> list[str]:
        """All names of what was said to be removed."""
        return [name for response in self.heard for name in response.removed_resources]


class ZtunnelClient:
    """A ztunnel of a node.

    Args:
        port: of the control plane.
        roots: by which it is checked.
        node: the ztunnel's.
        token: that it shows.
        name: in the control plane's certificate.
        host: of the control plane.
    """

    def __init__(
        self, port: int, roots: bytes, node: str, token: str, name: str = "controlplane.test", host: str = "127.0.0.1"
    ) -> None:
        self._at, self._roots, self.node, self._token, self._name = f"{host}:{port}", roots, node, token, name
        self.store = Store()

    @asynccontextmanager
    async def stream(self, *, order: tuple[str, ...] = TYPES, on_demand: bool = False) -> AsyncIterator[Stream]:
        async with self._channel() as channel:
            stub = ads_pb2_grpc.AggregatedDiscoveryServiceStub(channel)
            stream = Stream(stub.DeltaAggregatedResources(metadata=self._metadata()), self.store)
            await stream.begin(self.node, order, on_demand=on_demand)
            listening = asyncio.create_task(stream.listen())
            try:
                yield stream
            finally:
                listening.cancel()
                await asyncio.gather(listening, return_exceptions=True)

    async def certificate(
        self, identity: str, *, seconds: int = 86400, csr: str | None = None
    ) -> list[x509.Certificate]:
        """Leaf, intermediates, roots; checked as ztunnel checks them.

        Raises:
            grpc.aio.AioRpcError: it was refused.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        request = AUTH["IstioCertificateRequest"](csr=csr or request_for(key), validity_duration=seconds)
        if identity:
            request.metadata["ImpersonatedIdentity"] = identity
        async with self._channel() as channel:
            call = channel.unary_unary(
                _CREATE,
                request_serializer=lambda each: each.SerializeToString(),
                response_deserializer=AUTH["IstioCertificateResponse"].FromString,
            )
            response = await call(request, metadata=self._metadata(), timeout=_PATIENCE)
        return self._checked(identity, key, list(response.cert_chain))

    def _checked(self, identity: str, key: ec.EllipticCurvePrivateKey, parts: list[str]) -> list[x509.Certificate]:
        """The last element is all roots; of those before only the first certificate is read."""
        assert len(parts) >= 2
        chain = [x509.load_pem_x509_certificate(part.encode()) for part in parts[:-1]]
        assert all(part.count("BEGIN CERTIFICATE") == 1 for part in parts[:-1])
        names = chain[0].extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.UniformResourceIdentifier)[0] == identity
        assert chain[0].public_key() == key.public_key()
        roots = x509.load_pem_x509_certificates(parts[-1].encode())
        for one, above in pairwise(chain):
            one.verify_directly_issued_by(above)
        assert any(_issued(chain[-1], root) for root in roots)
        return [*chain, *roots]

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self._token}"), ("clusterid", "Kubernetes"))

    def _channel(self) -> grpc.aio.Channel:
        options = (("grpc.ssl_target_name_override", self._name),)
        return grpc.aio.secure_channel(self._at, grpc.ssl_channel_credentials(self._roots), options)


def request_for(key: ec.EllipticCurvePrivateKey, uri: str = "spiffe://what/ever") -> str:
    """A request for a certificate, in PEM."""
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).add_extension(names, critical=True)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _issued(one: x509.Certificate, root: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(root)
    except Exception:  # noqa: BLE001 - by any other
        return False
    return True


class ZdsClient:
    """The proxy's end of the packet socket; each exchange by itself, so that tests may break it.

    Attributes:
        pods: of which it was told with a namespace, by uid: name, namespace, account, number of the namespace.
    """

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(_PATIENCE)
        self._socket.connect(os.fspath(path))
        self.pods: dict[str, tuple[str, str, str, int]] = {}

    def hello(self, version: int = 1) -> None:
        self.say(ZDS["ZdsHello"](version=version).SerializeToString())

    def say(self, message: bytes) -> None:
        self._socket.send(message)

    def hear(self) -> Any:
        """The next request; a descriptor exactly where one belongs."""
        message, descriptors, flags, _ = socket.recv_fds(self._socket, 1024, 4)
        try:
            assert not flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC)
            request = ZDS["WorkloadRequest"].FromString(message)
            assert len(descriptors) == (request.WhichOneof("payload") == "add")
            self._note(request, descriptors)
            return request
        finally:
            for each in descriptors:
                os.close(each)

    def acknowledge(self, error: str = "") -> None:
        self.say(ZDS["WorkloadResponse"](ack={"error": error}).SerializeToString())

    def snapshot(self) -> list[str]:
        """Say hello, and take everything until all was told; the kinds of requests."""
        self.hello()
        kinds = []
        while not kinds or kinds[-1] != "snapshot_sent":
            kinds.append(self.hear().WhichOneof("payload") or "nothing")
            self.acknowledge()
        return kinds

    def hung_up(self) -> bool:
        return self._socket.recv(1024) == b""

    def close(self) -> None:
        self._socket.close()

    def given(self, uid: str, descriptor: int) -> None:
        """A pod's namespace, as long as it is looked at."""

    def left(self, uid: str) -> None:
        """A pod is to be served no more."""

    def _note(self, request: Any, descriptors: list[int]) -> None:
        if request.HasField("add"):
            info = request.add.workload_info
            number = os.fstat(descriptors[0]).st_ino
            self.given(request.add.uid, descriptors[0])
            self.pods[request.add.uid] = (info.name, info.namespace, info.service_account, number)
        elif request.HasField("del"):
            uid = getattr(request, "del").uid
            self.left(uid)
            self.pods.pop(uid, None)
