"""The control plane's process and the nodes' proxies, as the machine sees them."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from sidestep.controlplane.generators.node.settings import Settings as ProxySettings
from sidestep.controlplane.process import ROLE, ROOTS, SERVER_NAME, SOCKET, ZTUNNEL
from sidestep.controlplane.registry.registry import MeshNames
from sidestep.errors import TransportError, WorldError
from sidestep.lab.cluster.addresses import ENTRIES, PODS, SERVICES, Pair, pods_of
from sidestep.lab.envoy import ControlPlane as Door
from sidestep.lab.envoy import Proxy, check_version
from sidestep.lab.machine.nodes import NodeUp
from sidestep.lab.machine.processes import Processes, Program
from sidestep.lab.machine.resolver import write_resolv_conf
from sidestep.lab.machine.scratch import Scratch
from sidestep.lab.machine.settings import Settings
from sidestep.lab.machine.zds import Zds
from sidestep.lab.net.fabric import Fabric
from sidestep.lab.net.namespaces import enter
from sidestep.lab.ztunnel import Ztunnel

NAME = "controlplane"
PROXY = "envoy"
_ROOT_NAMESPACE = MeshNames().root_namespace
_PORT = 15012
_NO_PODS = 2047
"""A number that no node has: where the control plane lives there are no pods."""
_PATIENCE, _LOOK = 20.0, 0.01
_ANSWER = 256 * 1024 * 1024


class ControlPlane:
    """Starts the control plane and the proxies, and asks them.

    Args:
        fabric: that it hangs on.
        address: its own.
        scratch: the lab's folder.
        settings: of the lab.
        processes: of the lab.
    """

    def __init__(
        self, fabric: Fabric, address: Pair, scratch: Scratch, settings: Settings, processes: Processes
    ) -> None:
        self._net = fabric.add_node(NAME, address, pods_of(_NO_PODS))
        self._scratch, self._settings, self._processes = scratch, settings, processes
        self._listen = f"{address.ipv4}:{_PORT}"
        self.namespace = self._net.namespace

    async def start(self) -> None:
        """Start the control plane in its own namespace.

        Raises:
            WorldError: there is no proxy that could be told anything.
        """
        if not self._settings.ztunnel:
            await self._check_envoy()
        folder = self._scratch.control_plane
        argv = (
            sys.executable, "-m", "sidestep.lab.plane", "--machine", str(self._scratch.socket),
            "--folder", str(folder), "--tokens", str(self._scratch.tokens), "--listen", self._listen,
            "--trust-domain", self._settings.trust_domain, "--role", ZTUNNEL if self._settings.ztunnel else ROLE,
            "--settings", msgspec.json.encode(ProxySettings(PODS, (*SERVICES, *ENTRIES))).decode(),
        )  # fmt: skip
        log = self._scratch.logs / f"{NAME}.log"
        await self._processes.start(Program(NAME, argv, log, enter(self._net.namespace)))

    async def start_proxy(self, node: NodeUp) -> None:
        """Start a node's proxy within the node, as soon as the control plane has a token for it.

        Raises:
            TransportError: the control plane does not come up.
        """
        token, roots = self._scratch.tokens / node.name, self._scratch.control_plane / ROOTS
        await self._there(token, roots)
        door = Door(self._listen, SERVER_NAME, roots, token)
        await self._processes.start(
            self._envoy(node, door) if node.zds is None else self._ztunnel(node, door, node.zds)
        )

    def _envoy(self, node: NodeUp, door: Door) -> Program:
        proxy = Proxy(node.name, self._scratch.node(node.name), door, self._settings.concurrency)
        proxy.write()
        argv = proxy.command(Path(self._settings.envoy))
        log = self._scratch.logs / f"{PROXY}-{node.name}.log"
        return Program(f"{PROXY}/{node.name}", argv, log, enter(node.net.namespace))

    def _ztunnel(self, node: NodeUp, door: Door, zds: Zds) -> Program:
        proxy = Ztunnel(
            node.name,
            node.address.ipv4,
            door,
            zds.path,
            write_resolv_conf(self._scratch, _ROOT_NAMESPACE),
            self._settings.trust_domain,
            self._settings.concurrency,
        )
        argv = proxy.command(Path(self._settings.ztunnel))
        log = self._scratch.logs / f"{ZTUNNEL}-{node.name}.log"
        return Program(f"{ZTUNNEL}/{node.name}", argv, log, enter(node.net.namespace), proxy.environment())

    async def ask(self, what: str, **more: str) -> Any:
        """Ask the control plane.

        Raises:
            TransportError: it does not answer.
            WorldError: it refuses, and why.
        """
        path = self._scratch.control_plane / SOCKET
        try:
            reader, writer = await asyncio.open_unix_connection(os.fspath(path), limit=_ANSWER)
            writer.write(msgspec.json.encode({"do": what, **more}) + b"\n")
            line = await reader.readline()
            writer.close()
        except OSError as error:
            raise TransportError(f"the control plane does not answer: {error.strerror}", where=str(path)) from error
        told = msgspec.json.decode(line or b"{}")
        if "result" not in told:
            raise WorldError(told.get("refusal", {}).get("message", "the control plane hung up"), where=what)
        return told["result"]

    async def _there(self, *files: Path) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                while not all(each.exists() for each in files):  # noqa: ASYNC110 - another process writes them
                    await asyncio.sleep(_LOOK)
        except TimeoutError as error:
            raise TransportError(
                f"the control plane is not there after {_PATIENCE:g} s", remedy="see `sidestep lab logs controlplane`"
            ) from error

    async def _check_envoy(self) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                self._settings.envoy, "--version", stdout=asyncio.subprocess.PIPE
            )
            told, _ = await process.communicate()
        except OSError as error:
            remedy = "pip install 'sidestep[lab]'"
            raise WorldError(f"Envoy cannot be started: {error}", where=self._settings.envoy, remedy=remedy) from error
        check_version(told.decode(errors="replace"))
