"""The machine's end of its socket, as far as the control plane speaks to it: a list, then changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec


class MachineStub:
    """Objects by kind, name and namespace; whoever watches is told."""

    def __init__(self, objects: list[dict]) -> None:
        self.objects = {_key(tree): tree for tree in objects}
        self.asked: list[dict] = []
        self._writers: set[asyncio.StreamWriter] = set()

    def put(self, tree: dict) -> None:
        self.objects[_key(tree)] = tree
        self._tell("MODIFIED", tree)

    def remove(self, tree: dict) -> None:
        self._tell("DELETED", self.objects.pop(_key(tree)))

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()

    def _tell(self, verb: str, tree: dict | None = None) -> None:
        event = {"type": verb} if tree is None else {"type": verb, "object": tree}
        for writer in self._writers:
            writer.write(msgspec.json.encode({"event": event}) + b"\n")

    @asynccontextmanager
    async def listening(self, path: Path) -> AsyncIterator["MachineStub"]:
        server = await asyncio.start_unix_server(self._connected, path)
        try:
            yield self
        finally:
            server.close()
            self.hang_up()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(msgspec.json.decode(await reader.readline()))
        for tree in self.objects.values():
            writer.write(msgspec.json.encode({"event": {"type": "ADDED", "object": tree}}) + b"\n")
        writer.write(msgspec.json.encode({"event": {"type": "SYNCED"}}) + b"\n")
        self._writers.add(writer)
        await reader.read()
        self._writers.discard(writer)
        writer.close()


def _key(tree: dict) -> tuple[str, str, str]:
    return tree["kind"], tree["metadata"].get("namespace", ""), tree["metadata"]["name"]
