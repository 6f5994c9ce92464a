"""The control plane's process and the nodes' proxies, as the machine sees them."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from sidestep.controlplane.ca.authority import Stage
from sidestep.controlplane.generators.node.settings import Settings as ProxySettings
from sidestep.controlplane.generators.node.telemetry import NODE
from sidestep.controlplane.process import ROLE, ROOTS, SERVER_NAME, SOCKET, ZTUNNEL
from sidestep.controlplane.registry.registry import MeshNames
from sidestep.errors import TransportError, WorldError
from sidestep.lab.cluster.addresses import DNS, ENTRIES, PODS, SERVICES, Pair, pods_of
from sidestep.lab.envoy import Admin, Proxy, check_version
from sidestep.lab.envoy import ControlPlane as Door
from sidestep.lab.machine.nodes import NodeUp
from sidestep.lab.machine.processes import Processes, Program
from sidestep.lab.machine.replacing import drain, take_over
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
_PATIENCE, _LOOK, _ROTATION = 60.0, 0.01, 60.0
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
        self.addresses = (address.ipv4, address.ipv6)
        self._epochs: dict[str, int] = {}

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
            "--folder", str(folder), "--tokens", str(self._scratch.tokens), "--listen", self._listen, "--resolver", DNS,
            "--trust-domain", self._settings.trust_domain, "--role", ZTUNNEL if self._settings.ztunnel else ROLE,
            "--settings", msgspec.json.encode(self._proxies()).decode(),
            *(part for each in self._settings.aliases for part in ("--trust-domain-alias", each)),
        )  # fmt: skip
        log = self._scratch.logs / f"{NAME}.log"
        await self._processes.start(Program(NAME, argv, log, enter(self._net.namespace)))

    def _proxies(self) -> ProxySettings:
        log = str(self._scratch.logs / f"access-{NODE}.log") if self._settings.metrics else ""
        return ProxySettings(PODS, (*SERVICES, *ENTRIES), access_log=log, trust_domains=self._settings.aliases)

    async def start_proxy(self, node: NodeUp) -> None:
        """Start a node's proxy within the node, as soon as the control plane has a token for it.

        Raises:
            TransportError: the control plane does not come up.
        """
        door = self._door(node)
        await self.there(door.token, door.roots)
        await self._processes.start(
            self._envoy(node, self._proxy(node, 0)) if node.zds is None else self._ztunnel(node, door, node.zds)
        )

    async def replace_proxy(self, node: NodeUp) -> None:
        """Have a node's proxy give way to a new one, while both serve.

        Raises:
            TransportError: the new one does not come up; the old one stays.
            WorldError: the node has Istio's own proxy, or its proxy is being replaced already.
        """
        name, leaving = f"{PROXY}/{node.name}", f"{PROXY}/{node.name}/leaving"
        if name not in self._processes.names() or leaving in self._processes.names():
            raise WorldError("there is no proxy that could be replaced now", where=name)
        epoch = self._epochs.get(node.name, 0)
        old, new = self._proxy(node, epoch), self._proxy(node, epoch + 1)
        self._processes.rename(name, leaving)
        try:
            await self._processes.start(self._envoy(node, new))
            await take_over(Admin(old.admin), Admin(new.admin))
        except TransportError:
            await self._processes.stop(name)
            self._processes.rename(leaving, name)
            raise
        self._epochs[node.name] = epoch + 1
        await drain(Admin(old.admin), 2 * self._settings.drain)
        await self._processes.stop(leaving)

    async def rotate(self, what: str) -> None:
        """Exchange the root or the intermediate; done when every proxy has certificates of the new one.

        Raises:
            WorldError: it is being exchanged already.
            TransportError: not every proxy has taken it.
        """
        told = await self.ask(f"rotate-{what}")
        if told is not None and not told["begun"]:
            raise WorldError(f"the {what} is being exchanged already")
        try:
            async with asyncio.timeout(_ROTATION):
                while not await self._rotated():  # noqa: ASYNC110 - another process does it
                    await asyncio.sleep(_LOOK)
        except TimeoutError as error:
            raise TransportError(f"not every proxy has the new {what} after {_ROTATION:g} s") from error

    async def _rotated(self) -> bool:
        status = await self.ask("status")
        return bool(status["settled"]) and status["trust"]["stage"] == Stage.STEADY.value

    def door(self, token: Path) -> Door:
        """How a proxy comes in that shows this token."""
        return Door(self._listen, SERVER_NAME, self._scratch.control_plane / ROOTS, token)

    def _door(self, node: NodeUp) -> Door:
        return self.door(self._scratch.tokens / node.name)

    def _proxy(self, node: NodeUp, epoch: int) -> Proxy:
        return Proxy(
            node.name,
            self._scratch.node(node.name),
            self._door(node),
            self._settings.concurrency,
            self._settings.drain,
            epoch=epoch,
        )

    def _envoy(self, node: NodeUp, proxy: Proxy) -> Program:
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

    async def ask(self, what: str, **more: str | float | list[str]) -> Any:
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

    async def there(self, *files: Path) -> None:
        """Wait for files that the control plane writes.

        Raises:
            TransportError: it does not.
        """
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
