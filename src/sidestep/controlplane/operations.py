"""What one may ask of a running control plane, over a unix socket of its user alone: a line, and a line back.

`{"do":"status"}`, `{"do":"certs"}`, `{"do":"config-dump","node":"…"}`, `{"do":"findings"}`,
`{"do":"describe","names":["…"]}`, `{"do":"rotate-root"}`, `{"do":"taken","object":"Service","kind":"services",…}`,
`{"do":"rotate-intermediate"}`, `{"do":"skew","node":"…","seconds":…}`. Nobody is shown a key.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
from google.protobuf.json_format import MessageToDict
from msgspec import Struct

from sidestep.controlplane.ads.entries import resources_in
from sidestep.controlplane.ads.plane import Plane
from sidestep.controlplane.ca.certificates import fingerprint
from sidestep.controlplane.describing import described
from sidestep.controlplane.private_socket import private_socket
from sidestep.controlplane.registry.objects import Ref
from sidestep.controlplane.registry.registry import Registry
from sidestep.controlplane.rotation import Rotation
from sidestep.controlplane.taken import missing
from sidestep.controlplane.tokens import Proxy


class Request(Struct, frozen=True):
    """A question."""

    do: str
    node: str = ""
    object: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    names: list[str] = []
    seconds: float = 0.0


class Operations:
    """Answers.

    Args:
        registry: what is known of objects.
        plane: what proxies are told.
        rotation: who signs.
        heard: number of the machine's last change that proxies are told.
    """

    def __init__(self, registry: Registry, plane: Plane, rotation: Rotation, heard: Callable[[], int]) -> None:
        self._registry, self._plane, self._rotation, self._heard = registry, plane, rotation, heard
        self._answers: dict[str, Callable[[Request], Any]] = {
            "status": lambda _: self._status(),
            "certs": lambda _: self._certificates(),
            "config-dump": lambda request: self._dump(request.node),
            "findings": lambda _: [msgspec.to_builtins(each) for each in self._plane.findings],
            "describe": lambda request: self._described(request.names),
            "taken": lambda request: missing(
                self._registry, self._plane, request.object, Ref(request.kind, request.namespace, request.name)
            ),
            "skew": lambda request: self._plane.skew(request.node, timedelta(seconds=request.seconds)),
            "rotate-root": lambda _: {"begun": self._rotation.begin(self._plane)},
            "rotate-intermediate": lambda _: self._rotation.next_intermediate(self._plane),
        }

    async def serve(self, path: Path) -> asyncio.Server:
        """Listen."""
        return await asyncio.start_unix_server(self._connected, sock=private_socket(path))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(msgspec.json.encode(self._answer(line)) + b"\n")
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass  # who asks has gone, or we end
        finally:
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = msgspec.json.decode(line, type=Request)
        except msgspec.MsgspecError as error:
            return {"refusal": {"message": f"the control plane does not understand the request: {error}"}}
        answer = self._answers.get(request.do)
        if answer is None:
            return {
                "refusal": {"message": f"the control plane cannot {request.do!r}; it can {', '.join(self._answers)}"}
            }
        return {"result": answer(request)}

    def _status(self) -> dict[str, Any]:
        metrics, index = self._plane.metrics, self._plane.index
        return {
            "ready": True,
            "settled": self._plane.settled,
            "heard": self._heard(),
            "proxies": sorted(connection.proxy.name for connection in self._plane.connections),
            "records": [len(index.workloads), len(index.services), len(index.policies)],
            "withheld": {f"{ref.namespace}/{ref.name}": why for ref, why in sorted(self._registry.withheld.items())},
            "remarks": self._plane.remarks(),
            "trust": {
                "stage": self._rotation.authority.stage,
                "roots": [fingerprint(each) for each in self._rotation.authority.anchors],
                "generation": self._rotation.authority.generation,
            },
            "metrics": {
                "streams": metrics.streams,
                "refused": metrics.refused,
                "responses": metrics.responses,
                "bytes": metrics.bytes,
                "changes": metrics.changes,
                "rejections": metrics.rejections,
                "convergence_median_ms": median(metrics.convergence) * 1000 if metrics.convergence else None,
            },
        }

    def _described(self, names: list[str]) -> dict[str, Any]:
        return {name: msgspec.to_builtins(described(self._plane.index, name)) for name in names}

    def _certificates(self) -> list[dict[str, Any]]:
        found = []
        for proxy, name, version in self._plane.secrets.served():
            generation, renewal, serial = version.split(".")
            purpose, _, identity = name.partition(":")
            row = {"node": proxy, "purpose": purpose, "identity": identity}
            found.append({**row, "signer": generation, "renewed_at": int(renewal), "serial": serial})
        return found

    def _dump(self, node: str) -> list[dict[str, Any]]:
        proxies = {connection.proxy for connection in self._plane.connections if connection.proxy.name == node}
        return [
            {"type": type_url, "version": entry.version, "resource": MessageToDict(message)}
            for proxy in sorted(proxies, key=lambda each: (each.role, each.name))
            for type_url, _, entry in self._plane.entries(Proxy(proxy.role, proxy.name))
            for message in resources_in(entry)
        ]
