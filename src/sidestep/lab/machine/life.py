"""Pods as they live: each is brought from its object to a namespace, its redirection and its containers, and back.

Every pod has one task that compares what is with what its object says, whenever either changes. The order is
istio-cni's (ztunnel.md §1.2): the node's proxy listens first, then connections are redirected, then others are told to
use HBONE, and only then the containers of a new pod run. The way out is the same backwards.

A pod with a sidecar is redirected before anything of it runs, as by istio-init. A native sidecar starts before the
application and ends after it; a classic one starts and ends beside it, unless it holds the application back.
"""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from contextlib import suppress

from msgspec import Struct

from sidestep.controlplane.records import ProxyRole
from sidestep.errors import SidestepError, WorldError
from sidestep.lab.agent.messages import Capture as CaptureDns
from sidestep.lab.agent.messages import Probed, Ready, Restart, Serve, Stop
from sidestep.lab.cluster.addresses import DNS
from sidestep.lab.cluster.injection import is_ztunnel
from sidestep.lab.cluster.objects import Ref, Tree, owner_of, spec_of
from sidestep.lab.cluster.pods import (
    grace,
    is_finished,
    is_leaving,
    node_of,
    pre_stop,
)
from sidestep.lab.cluster.schedule import schedule
from sidestep.lab.cluster.statuses import condition, lasting, running, started
from sidestep.lab.machine.capture import Capture
from sidestep.lab.machine.commands import Commands
from sidestep.lab.machine.containers import agent_pod
from sidestep.lab.machine.nodes import NodeUp
from sidestep.lab.machine.pod_proxy import PodProxy, wanted_proxy
from sidestep.lab.machine.resolver import write_resolv_conf
from sidestep.lab.machine.surroundings import Surroundings
from sidestep.lab.net.pod import PodNet
from sidestep.model.kinds import NODE
from sidestep.semantics.loose import annotations_of
from sidestep.semantics.proxies import PROXY
from sidestep.semantics.redirection import redirection

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 10.0


class Life:
    """One pod, from its object's first sight to its end.

    Args:
        ref: of its object.
        around: what it lives among.
        begun: told when it has a namespace.
        over: told when nothing is left of it.
    """

    def __init__(
        self, ref: Ref, around: Surroundings, *, begun: Callable[["Life"], None], over: Callable[["Life"], None]
    ) -> None:
        self.ref, self.uid = ref, ""
        self._around, self._begun, self._over = around, begun, over
        self._awake = asyncio.Event()
        self._place: _Place | None = None
        self._served = False
        self._ready: dict[str, Ready] = {}
        self._pause = _FIRST_PAUSE
        self._task = asyncio.create_task(self._run())

    @property
    def node(self) -> NodeUp | None:
        """Where it runs; None as long as it has no place."""
        return self._place.node if self._place is not None else None

    @property
    def net(self) -> PodNet | None:
        """Its network, likewise."""
        return self._place.capture.net if self._place is not None else None

    @property
    def captured(self) -> bool:
        """Whether its connections are redirected to the node's proxy."""
        return self._place is not None and self._place.capture.captured

    @property
    def proxy(self) -> PodProxy | None:
        """The proxy that runs in it; None for none."""
        return self._place.proxy if self._place is not None else None

    def wake(self) -> None:
        """Something changed: look again."""
        self._awake.set()

    def forgotten(self) -> None:
        """Its agent knows nothing of it any more."""
        self._served = False
        self._ready.clear()
        self._judge()
        self.wake()

    async def lost(self) -> None:
        """Its node is gone: nothing of it is ended gently."""
        self._task.cancel()
        if self._place is not None:
            self._place.capture.end()
            self._place.node.net.remove_pod(self.uid)
            await self._place.commands.stop(0)
            if self._place.proxy is not None:
                await self._place.proxy.cut()
        self._over(self)
        self._around.store.remove(self.ref)

    def told(self, event: Ready | Probed) -> None:
        """What the agent says of a container of this pod."""
        if isinstance(event, Ready):
            self._ready[event.container] = event
            self._judge()
        elif self._place is not None:
            what = f"{event.kind} probe failed: {event.reason}; container {event.container} restarts"
            self._around.say(str(self.ref), what)
            restart = Restart(0, self.uid, event.container)
            self._restart = asyncio.create_task(_quietly(self._place.node.agent.do(restart)))

    def _judge(self) -> None:
        """Say whether it may be sent requests: its proxy counts as any container."""
        told = dict(self._ready)
        if self.proxy is not None:
            told[PROXY] = Ready(self.uid, PROXY, self.proxy.ready, self.proxy.ready, self.proxy.reason)
        elif self._has_proxy:
            told[PROXY] = Ready(self.uid, PROXY, started=True, ready=self._served)
        self._around.store.edit(self.ref, condition(told, self._around.now()))

    @property
    def _has_proxy(self) -> bool:
        """Whether its container istio-proxy runs: as a proxy of its own, or as the node's where it is a ztunnel."""
        return self.proxy is not None or (self._place is not None and self._place.is_ztunnel)

    def _proxy_changed(self) -> None:
        self._judge()
        self.wake()

    async def _run(self) -> None:
        while True:
            await self._awake.wait()
            self._awake.clear()
            pod = self._around.store.get(self.ref)
            try:
                if pod is None or is_leaving(pod):
                    await self._end(pod)
                    return
                await self._step(pod)
                self._pause = _FIRST_PAUSE
            except SidestepError as error:
                self._again(error.message)
            except Exception as error:  # noqa: BLE001 - one pod is at fault; the others live on
                traceback.print_exc()
                self._again(f"a fault in the lab itself: {type(error).__name__}: {error}")

    def _again(self, why: str) -> None:
        self._around.say(str(self.ref), why)
        asyncio.get_running_loop().call_later(self._pause, self.wake)
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)

    async def _step(self, pod: Tree) -> None:
        if is_finished(pod):
            await self._stop(0)
            return
        place = self._place = self._place or self._find(pod)
        if place is None:
            return
        await place.capture.follow(wanted=self._around.wanted(pod), serving=self._served)
        if place.proxy is not None:
            place.proxy.begin()
            if place.proxy.wanted.first and not place.proxy.ready and not self._served:
                return
        if not self._served:
            await self._serve(place)

    def _find(self, pod: Tree) -> "_Place | None":
        """A node and a namespace for the pod; nothing of it runs yet."""
        name = schedule(pod, list(self._around.store.of(NODE)), self._around.loads)
        if name is None or name not in self._around.nodes:
            self._around.say(str(self.ref), f"no node will do: {node_of(pod) or spec_of(pod).get('nodeSelector')}")
            return None
        node = self._around.nodes[name]
        self._around.loads[name].add(pod)
        self.uid = str(pod["metadata"]["uid"])
        address = node.take()
        net = node.net.add_pod(self.uid, address)
        self._begun(self)
        self._around.store.edit(self.ref, started(node.name, node.address, address, self._around.now()))
        commands = Commands(self._around.processes, self._around.scratch.logs, self._done)
        capture = Capture(self._around.store, self.ref, node, net)
        return _Place(node, capture, commands, self._equip(pod, net), is_ztunnel(pod))

    def _equip(self, pod: Tree, net: PodNet) -> PodProxy | None:
        """The proxy that the pod's object says it has, with its redirection, which nothing of the pod is before."""
        wanted = wanted_proxy(pod, self._around.injection)
        if wanted is None:
            return None
        if wanted.role is ProxyRole.SIDECAR:
            taken = redirection(annotations_of(pod))
            for each in taken.unread:
                self._around.say(str(self.ref), f"the annotation {each} is not understood and counts as not written")
            if taken.intercepts:
                net.redirect(taken, self._around.kit.control_plane.addresses, dns=wanted.dns)
        return PodProxy(self.ref, net, wanted, self._around.kit, self._proxy_changed)

    async def _serve(self, place: "_Place") -> None:
        pod = self._around.store.get(self.ref)
        if pod is None:
            return
        services = self._around.near(self.ref.namespace)
        told = agent_pod(pod, place.capture.net.path, services, lambda what: self._around.say(str(self.ref), what))
        if not told.containers and not self._has_proxy:
            raise WorldError("it has no containers, and nothing to run", where=str(self.ref))
        if PROXY in lasting(pod) and not self._has_proxy:
            self._around.say(str(self.ref), "its container istio-proxy was written by hand and nobody injected it")
        await place.node.agent.do(Serve(0, told))
        self._served = True
        await place.capture.resolve()
        if place.proxy is not None and place.proxy.wanted.dns:
            await place.node.agent.do(CaptureDns(0, self.uid, on=True, upstream=(DNS,)))
        resolv = write_resolv_conf(self._around.scratch, self.ref.namespace)
        await place.commands.start(pod, told, place.capture.net, resolv)
        self._around.store.edit(self.ref, running(self._around.now()))
        if place.is_ztunnel:
            self._judge()
        seconds = None if any(each.command for each in told.containers) else _run_time(pod)
        if seconds is not None:
            asyncio.get_running_loop().call_later(seconds, self._done, True)

    def _done(self, succeeded: bool) -> None:
        """The work of the pod's application has ended."""
        if self.proxy is not None and not self.proxy.wanted.native:
            self._around.say(
                str(self.ref), "its work is done, but its container istio-proxy runs on: it never completes"
            )
            return
        phase = "Succeeded" if succeeded else "Failed"
        self._around.store.edit(self.ref, lambda tree: tree["status"].update(phase=phase, conditions=[]))

    async def _stop(self, grace: float, pod: Tree | None = None) -> None:
        """End what runs: a native sidecar after the application, any other proxy beside it, each after its own hook."""
        proxy, hook = self.proxy, min(grace, pre_stop(pod)) if pod is not None else 0.0
        if proxy is None:
            await self._stop_application(grace, hook)
        elif proxy.wanted.native:
            await proxy.drain()
            await self._stop_application(grace, hook)
            await proxy.end(grace, alone=True)
        else:
            own = min(grace, pre_stop(pod, of_proxy=True)) if pod is not None else 0.0
            await asyncio.gather(self._stop_application(grace, hook), proxy.end(grace, own))

    async def _stop_application(self, grace: float, hook: float) -> None:
        if self._served and self._place is not None:
            await asyncio.sleep(hook)
            self._served = False
            await self._place.commands.stop(grace)
            await _quietly(self._place.node.agent.do(Stop(0, self.uid, grace), grace + 10))

    async def _end(self, pod: Tree | None) -> None:
        await self._stop(grace(pod) if pod is not None else 0, pod)
        if self._place is not None:
            node, capture = self._place.node, self._place.capture
            await capture.hang_up()
            capture.end()
            node.net.remove_pod(self.uid)
            node.give_back(capture.net)
            if pod is not None:
                self._around.loads[node.name].add(pod, -1)
        self._over(self)
        self._around.store.remove(self.ref)


class _Place(Struct, frozen=True):
    """Where a pod is: its node, its network with what redirects it, what runs there of the user's, and its proxy."""

    node: NodeUp
    capture: Capture
    commands: Commands
    proxy: PodProxy | None
    is_ztunnel: bool


async def _quietly(work: Awaitable[object]) -> None:
    with suppress(SidestepError):
        await work


def _run_time(pod: Tree) -> float | None:
    """How long the built-in workload of a Job's pod runs; None for what runs until it is ended."""
    if owner_of(pod)[0] != "Job":
        return None
    text = annotations_of(pod).get("sidestep.dev/run-time", "1").removesuffix("s")
    return float(text) if text.replace(".", "", 1).isdigit() else 1.0
