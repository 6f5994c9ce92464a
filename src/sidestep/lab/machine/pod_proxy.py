"""The proxy in a pod: a sidecar, a waypoint or a gateway, from its token to its last connection.

What Istio's agent does beside Envoy: it starts it, says whether it is ready, and lets it serve on for a while when the
pod ends (istio-semantics.md §1.4, §1.5).
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from sidestep.controlplane.records import PROXY_ANNOTATION, ProxyRole
from sidestep.controlplane.registry.pods import pod_uid
from sidestep.controlplane.registry.registry import MeshNames
from sidestep.errors import SidestepError, TransportError
from sidestep.lab.cluster.injection import Injection
from sidestep.lab.cluster.objects import Ref, Tree, spec_of
from sidestep.lab.cluster.shapes import shape_of
from sidestep.lab.envoy import Admin, Proxy
from sidestep.lab.machine.control_plane import ControlPlane
from sidestep.lab.machine.processes import Processes, Program
from sidestep.lab.machine.scratch import Scratch, container_log
from sidestep.lab.machine.telemetry import OfPod
from sidestep.lab.net.namespaces import enter
from sidestep.lab.net.pod import PodNet
from sidestep.semantics.loose import annotations_of, as_dicts, as_text
from sidestep.semantics.proxies import PROXY, SidecarMode, recognise
from sidestep.semantics.proxy_config import DNS_CAPTURE, ProxyConfig

_SOON, _SELDOM = 0.02, 2.0
_END = 1.0


class Kit(Struct, frozen=True):
    """What all proxies of pods are made with.

    Attributes:
        control_plane: whom they ask.
        processes: of the lab.
        scratch: the lab's folder.
        envoy: path of the program.
        concurrency: worker threads where nobody says otherwise.
    """

    control_plane: ControlPlane
    processes: Processes
    scratch: Scratch
    envoy: str
    concurrency: int = 1


class Wanted(Struct, frozen=True):
    """What proxy a pod has.

    Attributes:
        role: what it does.
        config: what it is told to be.
        native: a sidecar that is an init container.
        environment: of its container, as far as it is written there.
    """

    role: ProxyRole
    config: ProxyConfig
    native: bool = False
    environment: dict[str, str] = {}

    @property
    def first(self) -> bool:
        """Whether the application waits until it is ready."""
        return self.native or self.config.holds_application

    @property
    def dns(self) -> bool:
        """Whether names are resolved within the pod."""
        return self.role is ProxyRole.SIDECAR and self.config.says(DNS_CAPTURE, default=False)


def wanted_proxy(pod: Tree, injection: Injection) -> Wanted | None:
    """What proxy a pod has by what its object says; None for none."""
    shape = shape_of(pod)
    written = annotations_of(pod).get(PROXY_ANNOTATION)
    if shape is None or written is None:
        return None
    native = recognise(shape).sidecar is SidecarMode.NATIVE
    return Wanted(ProxyRole(written), injection.config_of(shape), native, _environment(pod))


def _environment(pod: Tree) -> dict[str, str]:
    every = (each for part in ("initContainers", "containers") for each in as_dicts(spec_of(pod).get(part)))
    written = (each for container in every if container.get("name") == PROXY for each in as_dicts(container.get("env")))
    return {as_text(each.get("name")): each["value"] for each in written if isinstance(each.get("value"), str)}


class PodProxy:
    """One proxy.

    Args:
        ref: of the pod.
        net: its network.
        wanted: what it is to be.
        kit: what it is made with.
        changed: told when it becomes ready or ceases to be.
    """

    def __init__(self, ref: Ref, net: PodNet, wanted: Wanted, kit: Kit, changed: Callable[[], None]) -> None:
        self.wanted = wanted
        self.name = f"{wanted.role.value}/{ref.namespace}/{ref.name}"
        self.ready, self.reason = False, "the proxy has not started yet"
        self._ref, self._net, self._kit, self._changed = ref, net, kit, changed
        self._proxy = Proxy(
            f"{ref.namespace}/{ref.name}",
            kit.scratch.root / "proxies" / net.uid,
            kit.control_plane.door(kit.scratch.tokens / self.name),
            wanted.config.concurrency or kit.concurrency,
            max(1, round(wanted.config.drain)),
            role=wanted.role,
        )
        self._admin = Admin(self._proxy.admin)
        self._task: asyncio.Task[None] | None = None
        self._start: asyncio.Task[int] | None = None

    @property
    def log(self) -> OfPod:
        """Where it writes of requests."""
        workload = pod_uid(MeshNames().cluster, self._ref.namespace, self._ref.name)
        return OfPod(workload, self.name, self._proxy.folder)

    def begin(self) -> None:
        """Have it started, and looked after; nobody waits for that."""
        if self._task is None:
            self._task = asyncio.create_task(self._live())

    def connections(self) -> int:
        """How many are open to it.

        Raises:
            TransportError: it does not answer.
        """
        return self._admin.connections()

    async def drain(self) -> None:
        """The pod begins to end: who comes from outside is asked to go elsewhere, and served all the same."""
        inbound = self.wanted.role is ProxyRole.SIDECAR
        with suppress(SidestepError):
            await asyncio.to_thread(self._admin.farewell, inbound=inbound)

    async def end(self, grace: float, hook: float = 0.0, *, alone: bool = False) -> None:
        """End it once the time for draining is over.

        Args:
            grace: seconds that are left to the pod.
            hook: seconds that its own preStop hook takes.
            alone: the application has ended, so that nobody comes who was not there before.
        """
        await asyncio.sleep(hook)
        await self._leave()
        if self.ready:
            await self.drain()
            await self._drained(grace, alone=alone)
        self.ready = False
        await self._kit.processes.stop(self.name, _END)
        self._forget()

    async def cut(self) -> None:
        """End it at once."""
        await self._leave()
        await self._kit.processes.stop(self.name, 0)
        self._forget()

    def _forget(self) -> None:
        """What it was started from and asked by is of no use any more."""
        for each in (self._proxy.configuration, self._proxy.admin):
            each.unlink(missing_ok=True)

    async def _leave(self) -> None:
        """Look after it no more; a start that was begun comes to its end first, or nobody would know the process."""
        if self._task is not None:
            self._task.cancel()
        if self._start is not None:
            with suppress(OSError):
                await self._start

    async def _drained(self, grace: float, *, alone: bool) -> None:
        """Until its time is over, or nobody is left where that counts."""
        config = self.wanted.config
        if alone:
            await self._emptied(min(config.drain, grace))
        elif config.exits_when_empty:
            await asyncio.sleep(min(config.least_drain, grace))
            await self._emptied(grace - config.least_drain)
        else:
            await asyncio.sleep(min(config.drain, grace))

    async def _emptied(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not await asyncio.to_thread(self._empty):  # noqa: ASYNC110 - Envoy tells nobody
                    await asyncio.sleep(_SOON)

    def _empty(self) -> bool:
        try:
            return not self._admin.connections()
        except TransportError:
            return True

    async def _live(self) -> None:
        """Start it as soon as there is a token for it, then see whether it is ready."""
        while True:
            try:
                await self._kit.control_plane.there(self._proxy.control_plane.token, self._proxy.control_plane.roots)
                self._start = asyncio.create_task(self._kit.processes.start(self._program()))
                await asyncio.shield(self._start)
                break
            except (SidestepError, OSError) as error:
                self._is(ready=False, reason=f"the proxy does not start: {error}")
                await asyncio.sleep(_SELDOM)
        while True:
            await asyncio.sleep(_SELDOM if self.ready else _SOON)
            ready = await asyncio.to_thread(self._admin.ready)
            self._is(ready=ready, reason="" if ready else "the proxy is not ready")

    def _program(self) -> Program:
        self._proxy.write()
        log = container_log(self._kit.scratch.logs, self._net.uid, PROXY)
        command = self._proxy.command(Path(self._kit.envoy))
        within = enter(self._net.namespace)
        return Program(self.name, command, log, within, self.wanted.environment, folder=self._proxy.folder)

    def failed(self) -> None:
        """Its process ended; another one is started."""
        self._is(ready=False, reason="the proxy ended and is started again")

    def _is(self, *, ready: bool, reason: str) -> None:
        if (ready, reason) != (self.ready, self.reason):
            self.ready, self.reason = ready, reason
            self._changed()
