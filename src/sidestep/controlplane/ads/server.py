"""The door: gRPC over TLS, where a proxy shows its token and is given its stream."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import datetime
from urllib.parse import unquote

import grpc
import grpc.aio
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryRequest
from msgspec import Struct

from sidestep.controlplane.ads.plane import Connection, Plane
from sidestep.controlplane.ca.authority import Chain
from sidestep.controlplane.ca.certificates import key_pem, pem
from sidestep.controlplane.tokens import Proxy, Refused, Tokens

_SERVICE = "envoy.service.discovery.v3.AggregatedDiscoveryService"
_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", 64 * 1024 * 1024),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_ping_strikes", 0),
    ("grpc.so_reuseport", 0),
)
_BEARER = "Bearer "


class Door(Struct, frozen=True):
    """Who is let in.

    Attributes:
        tokens: by which proxies prove whose they are.
        roles: of proxies that there is something to tell.
        now: the time.
        at_home: whether a proxy may come from an address; a token that was carried to another node is of no use.
    """

    tokens: Tokens
    roles: frozenset[str]
    now: Callable[[], datetime]
    at_home: Callable[[Proxy, str], bool] = lambda _proxy, _address: True

    def admit(self, metadata: object, peer: str) -> Proxy:
        """Whose call it is.

        Raises:
            Refused: with the reason.
        """
        shown = next((value for key, value in _pairs(metadata) if key == "authorization"), "")
        if not shown.startswith(_BEARER):
            raise Refused("a proxy must show its token: `authorization: Bearer …`")
        proxy = self.tokens.verify(shown.removeprefix(_BEARER).strip(), self.now())
        if proxy.role not in self.roles:
            raise Refused(f"there are no proxies of the role {proxy.role!r} here")
        if not self.at_home(proxy, address_of(peer)):
            raise Refused(f"the token of {proxy.role} {proxy.name} does not count at {address_of(peer)}")
        return proxy


async def serve(
    plane: Plane, door: Door, chain: Chain, address: str, besides: Iterable[grpc.GenericRpcHandler] = ()
) -> tuple[grpc.aio.Server, int]:
    """Listen.

    Args:
        plane: what there is to say.
        door: to whom.
        chain: of the server's own certificate.
        address: `host:port`, port 0 for any; `unix:path`.
        besides: other services at the same door.

    Returns:
        The server, and its port.
    """
    server = grpc.aio.server(options=_OPTIONS)
    handler: grpc.RpcMethodHandler[DeltaDiscoveryRequest, bytes] = grpc.stream_stream_rpc_method_handler(
        _Discovery(plane, door).stream, request_deserializer=DeltaDiscoveryRequest.FromString
    )
    methods = {"DeltaAggregatedResources": handler}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(_SERVICE, methods), *besides))
    pair = (key_pem(chain.key), pem(chain.certificates))
    port = server.add_secure_port(address, grpc.ssl_server_credentials([pair]))
    await server.start()
    return server, port


def address_of(peer: str) -> str:
    """The address in gRPC's name of a peer, e.g. `ipv4:10.0.0.1:4711` or `ipv6:%5Bfd00::1%5D:4711`; or empty."""
    family, _, rest = unquote(peer).partition(":")
    return rest.rpartition(":")[0].strip("[]") if family in ("ipv4", "ipv6") else ""


class _Discovery:
    def __init__(self, plane: Plane, door: Door) -> None:
        self._plane, self._door = plane, door

    async def stream(
        self, requests: AsyncIterator[DeltaDiscoveryRequest], context: "grpc.aio.ServicerContext[object, object]"
    ) -> AsyncIterator[bytes]:
        """One proxy, from its first request until it goes."""
        proxy = await self._admitted(context)
        awake = asyncio.Event()
        connection = self._plane.open(proxy, awake.set)
        reader = asyncio.create_task(self._hear(connection, requests))
        reader.add_done_callback(lambda _: awake.set())
        try:
            while not reader.done():
                await awake.wait()
                awake.clear()
                while (said := connection.say()) is not None:
                    yield said
            await self._ended(reader, context)
        finally:
            reader.cancel()
            self._plane.close(connection)

    async def _admitted(self, context: "grpc.aio.ServicerContext[object, object]") -> Proxy:
        try:
            return self._door.admit(context.invocation_metadata(), context.peer())
        except Refused as refused:
            self._plane.metrics.refused += 1
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, str(refused))

    async def _hear(self, connection: Connection, requests: AsyncIterator[DeltaDiscoveryRequest]) -> None:
        async for request in requests:
            if request.HasField("node") and not _is(connection.proxy, request):
                raise Refused(f"the token is of {connection.proxy.name}, and the proxy says it is {request.node.id}")
            rejection = connection.session.hear(request)
            self._plane.hear(connection, rejection, self._door.now().timestamp())

    async def _ended(self, reader: "asyncio.Task[None]", context: "grpc.aio.ServicerContext[object, object]") -> None:
        error = reader.exception() if not reader.cancelled() else None
        if isinstance(error, Refused):
            self._plane.metrics.refused += 1
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
        if error is not None:
            raise error


def _is(proxy: Proxy, request: DeltaDiscoveryRequest) -> bool:
    """Whether a proxy calls itself what its token says: by its id, or as ztunnel does by its node's name."""
    return proxy.name in (request.node.id, request.node.metadata.fields["NODE_NAME"].string_value)


def _pairs(metadata: object) -> list[tuple[str, str]]:
    return [(str(key), value) for key, value in metadata if isinstance(value, str)] if metadata else []  # type: ignore[attr-defined]
