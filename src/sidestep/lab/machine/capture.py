"""Redirection of one pod: put in and taken away while it runs, in an order in which nothing passes by or gets lost."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from socket import AF_INET, AF_INET6

from sidestep.controlplane.records import HBONE_PORT, NETNS_ANNOTATION
from sidestep.errors import TransportError, WorldError
from sidestep.lab.agent.messages import Capture as CaptureDns
from sidestep.lab.cluster.addresses import DNS
from sidestep.lab.cluster.objects import Ref, Store, Tree
from sidestep.lab.cluster.pods import bypasses_inbound
from sidestep.lab.machine.nodes import NodeUp
from sidestep.lab.machine.zds import Enrolled
from sidestep.lab.net.pod import PodNet
from sidestep.lab.net.sockets import connections, destroy, left_open, listening, waited_at
from sidestep.semantics.loose import as_dict, as_text
from sidestep.semantics.proxies import REDIRECTION

OUTBOUND_PORT, INBOUND_PORT = 15001, 15006
_PORTS = frozenset({OUTBOUND_PORT, INBOUND_PORT, HBONE_PORT})
_PATIENCE = 30.0
_PATIENCE_AT_END = 5.0
_PATIENCE_FOR_ENDS = 1.0
_FIRST_LOOK, _LAST_LOOK = 0.004, 0.05
_FAREWELL = 1.0
"""Seconds in which others hear that a pod takes no more HBONE before its listener goes."""


class Capture:
    """Whether a pod is captured, and how it becomes so or ceases to be.

    Args:
        store: the objects.
        ref: of the pod.
        node: where it runs.
        net: its namespace.
    """

    def __init__(self, store: Store, ref: Ref, node: NodeUp, net: PodNet) -> None:
        self._store, self._ref, self._node = store, ref, node
        self.net = net
        self._captured = self._pending = False

    @property
    def captured(self) -> bool:
        """Whether the pod's connections are redirected."""
        return self._captured

    async def follow(self, *, wanted: bool, serving: bool) -> None:
        """Be what labels ask for.

        Args:
            wanted: whether labels ask for it.
            serving: whether its containers run, which then have their names resolved by the node.

        Raises:
            TransportError: the node's proxy does not listen in the pod; nothing was redirected.
            WorldError: the pod listens itself where the proxy would; likewise.
        """
        if wanted and not self._captured:
            await self._enrol(serving=serving)
        elif not wanted and self._captured:
            await self._release()

    async def resolve(self) -> None:
        """Have the node answer the pod's DNS, if it is captured and no ztunnel does."""
        if self._captured and self._node.zds is None:
            await self._node.agent.do(CaptureDns(0, self._uid(), on=True, upstream=(DNS,)))

    async def hang_up(self) -> None:
        """Have whoever is connected to the pod hear that it goes: nothing can be said to him once its network is gone.

        Its node's proxy passes on what the application has closed; what it holds still is reset.
        """
        if not self._captured:
            return
        with suppress(TimeoutError):
            await self._looked(lambda: not left_open(self.net.namespace), _PATIENCE_FOR_ENDS)
        with suppress(OSError, WorldError):
            destroy(self.net.namespace, connections(self.net.namespace))

    def end(self) -> None:
        """The pod goes away: nobody listens for it any more."""
        self._annotate({NETNS_ANNOTATION: None})
        if self._node.zds is not None:
            self._node.zds.remove(self.net.uid)
        self._captured = False

    async def _enrol(self, *, serving: bool) -> None:
        own = sorted(listening(self.net.namespace) & _PORTS)
        if own and not self._pending:
            raise WorldError(f"it listens at port {own[0]} itself, where the mesh's proxy would: it is not captured")
        self._pending = True
        self.net.expect_capture()
        self._annotate({REDIRECTION: "pending", NETNS_ANNOTATION: self.net.path})
        if self._node.zds is not None:
            await self._node.zds.add(self._enrolled())
        elif serving:
            await self._node.agent.do(CaptureDns(0, self._uid(), on=True, upstream=(DNS,)))
        await self._listened()
        pod = self._store.get(self._ref)
        self.net.capture(inbound=pod is None or not bypasses_inbound(pod))
        self._captured, self._pending = True, False
        self._annotate({REDIRECTION: "enabled"})

    async def _release(self) -> None:
        self._annotate({REDIRECTION: None})
        await asyncio.sleep(_FAREWELL)
        self.net.release()
        with suppress(TimeoutError):
            await self._looked(lambda: waited_at(self.net.namespace).isdisjoint(_PORTS), _PATIENCE_AT_END)
        self._captured = False
        self._annotate({NETNS_ANNOTATION: None})
        if self._node.zds is not None:
            self._node.zds.remove(self.net.uid)
        else:
            await self._node.agent.do(CaptureDns(0, self._uid(), on=False))
        # Who enrols the pod again must not take listeners that are about to close for those that open.
        with suppress(TimeoutError):
            await self._looked(lambda: listening(self.net.namespace).isdisjoint(_PORTS), _PATIENCE_AT_END)

    async def _listened(self) -> None:
        """Wait until the kernel says that the proxy listens in the pod: Envoy for IPv6 last, a ztunnel as it likes."""
        families = (AF_INET6,) if self._node.zds is None else (AF_INET, AF_INET6)
        try:
            await self._looked(lambda: listening(self.net.namespace, families) >= _PORTS, _PATIENCE)
        except TimeoutError as error:
            raise TransportError(
                f"the proxy of node {self._node.name} does not listen in the pod after {_PATIENCE:g} s",
                remedy="see `sidestep lab logs` of the node's proxy and the control plane",
            ) from error

    async def _looked(self, done: Callable[[], bool], patience: float) -> None:
        """Wait until the kernel says that something is done.

        A node's pods look by turns, each of which takes time only while its own answer is no: to look at hundreds of
        pods all the time would keep their proxies from their work.
        """
        async with asyncio.timeout(patience):
            pause = _FIRST_LOOK
            while True:
                async with self._node.looks:
                    if done():
                        return
                    await asyncio.sleep(pause)
                pause = min(pause * 1.5, _LAST_LOOK)

    def _enrolled(self) -> Enrolled:
        """The pod as a ztunnel is told of it."""
        pod = self._store.get(self._ref) or {}
        account = as_text(as_dict(pod.get("spec")).get("serviceAccountName")) or "default"
        return Enrolled(self.net.uid, self._ref.name, self._ref.namespace, account, self.net.namespace.fd)

    def _uid(self) -> str:
        pod = self._store.get(self._ref)
        return str(pod["metadata"]["uid"]) if pod is not None else ""

    def _annotate(self, values: dict[str, str | None]) -> None:
        def edit(pod: Tree) -> None:
            annotations = pod["metadata"].setdefault("annotations", {})
            for key, value in values.items():
                if value is None:
                    annotations.pop(key, None)
                else:
                    annotations[key] = value

        self._store.edit(self._ref, edit)
