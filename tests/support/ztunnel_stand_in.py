"""A program in ztunnel's place for tests of what starts one: it is told of pods, listens in them, asks for what a ztunnel
asks for, and carries nothing. What it was given and told is written to `<INPOD_UDS>.told`.
"""

import asyncio
import ctypes
import json
import os
import socket
import threading
from pathlib import Path

from tests.support.ztunnel_client import Stream, ZdsClient, ZtunnelClient

_PORTS = (15001, 15006, 15008)
_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


class Pods(ZdsClient):
    """Listens in pods, and says of each that it does."""

    listening: dict[str, list[socket.socket]]

    def serve(self) -> None:
        self.listening = {}
        self.hello()
        while True:
            self.hear()
            self.acknowledge()

    def given(self, uid: str, descriptor: int) -> None:
        own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        assert _libc.setns(descriptor, _NEWNET) == 0
        self.listening[uid] = [socket.create_server(("", port)) for port in _PORTS]
        assert _libc.setns(own, _NEWNET) == 0
        os.close(own)

    def left(self, uid: str) -> None:
        for each in self.listening.pop(uid, ()):
            each.close()


def _client() -> ZtunnelClient:
    env = os.environ
    host, port = env["XDS_ADDRESS"].removeprefix("https://").split(":")
    assert env["XDS_ADDRESS"] == env["CA_ADDRESS"]
    return ZtunnelClient(
        int(port),
        Path(env["XDS_ROOT_CA"]).read_bytes(),
        env["NODE_NAME"],
        Path(env["AUTH_TOKEN"]).read_text(),
        env["ALT_XDS_HOSTNAME"],
        host,
    )


def _tell(client: ZtunnelClient, pods: Pods, signed: dict[str, str]) -> None:
    told = {"env": dict(os.environ), "pods": pods.pods, "signed": signed}
    told |= {"ready": client.store.ready, "services": sorted(client.store.services)}
    Path(f"{os.environ['INPOD_UDS']}.told").write_text(json.dumps(told))


async def _ask(client: ZtunnelClient, pods: Pods) -> None:
    signed: dict[str, str] = {}
    async with client.stream() as stream:
        while True:
            await _sign(client, stream, signed)
            _tell(client, pods, signed)
            await asyncio.sleep(0.05)


async def _sign(client: ZtunnelClient, stream: Stream, signed: dict[str, str]) -> None:
    """A certificate for each pod of the node that is in the mesh, as ztunnel prefetches them."""
    for uid, each in list(stream.store.workloads.items()):
        if each.node == client.node and each.tunnel_protocol == 1 and uid not in signed:
            identity = f"spiffe://cluster.local/ns/{each.namespace}/sa/{each.service_account}"
            leaf, *_ = await client.certificate(identity)
            signed[uid] = f"{leaf.serial_number:x}"


def main() -> None:
    pods = Pods(Path(os.environ["INPOD_UDS"]))
    threading.Thread(target=pods.serve, daemon=True).start()
    asyncio.run(_ask(_client(), pods))


if __name__ == "__main__":
    main()
