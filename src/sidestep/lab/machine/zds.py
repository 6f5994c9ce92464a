"""By which a node's ztunnel hears of its pods: a packet socket, a message each way, and a namespace's descriptor.

Source: ztunnel.md §2. One request is under way at a time and each is acknowledged. Who comes is told of all pods first.
A pod is told to who came last; that one is gone, to all.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError
from msgspec import Struct

from sidestep.controlplane.wds.tables import ZDS
from sidestep.errors import TransportError

_PATIENCE = 5.0
"""Seconds for a message and its acknowledgement, as Istio's agent gives (ztunnel.md §2.4)."""
_COMING = 20.0
_LONGEST = 4096
_WAITING = 16


class Enrolled(Struct, frozen=True):
    """A pod that a proxy is to listen in.

    Attributes:
        uid: of the pod.
        name: likewise.
        namespace: likewise.
        account: likewise.
        netns: descriptor of its network namespace; None where we hold it no more, and the proxy may keep what it has.
    """

    uid: str
    name: str
    namespace: str
    account: str
    netns: int | None


class Zds:
    """A node's socket.

    Args:
        path: of the socket.
        say: told what a proxy does wrong.
    """

    def __init__(self, path: Path, say: Callable[[str], None]) -> None:
        self.path = path
        self._say = say
        self._pods: dict[str, Enrolled] = {}
        self._lines: list[_Line] = []
        self._ready = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving: dict[str, asyncio.Task[None]] = {}

    async def listen(self) -> None:
        """Take proxies in from now on."""
        self.path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.setblocking(False)
        before = os.umask(0o177)
        try:
            listener.bind(os.fspath(self.path))
        finally:
            os.umask(before)
        listener.listen(_WAITING)
        self._keep(self._accept(listener))

    async def close(self) -> None:
        """Hang up on all, and take nobody in any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def connected(self) -> bool:
        """Whether a proxy is there that was told of all pods."""
        return self._ready.is_set()

    async def add(self, pod: Enrolled) -> None:
        """Have the proxy listen in a pod; it does when this returns.

        Raises:
            TransportError: there is no proxy, or it cannot; a proxy that comes later is told again.
        """
        self._pods[pod.uid] = pod
        try:
            async with asyncio.timeout(_COMING):
                await self._ready.wait()
        except TimeoutError as error:
            raise TransportError(f"no ztunnel came to its socket in {_COMING:g} s", where=str(self.path)) from error
        if pod.uid in self._leaving:
            await self._leaving[pod.uid]
        if self._lines and pod.uid not in self._lines[-1].told:
            await self._lines[-1].add(pod)

    def remove(self, uid: str) -> None:
        """A pod is not captured any more, or gone: its connections end."""
        if self._pods.pop(uid, None) is not None:
            task = self._leaving[uid] = self._keep(self._remove(uid))
            task.add_done_callback(lambda _: self._leaving.pop(uid, None))

    async def _remove(self, uid: str) -> None:
        for line in list(self._lines):
            line.told.discard(uid)
            with suppress(TransportError):
                await line.ask(ZDS["WorkloadRequest"](**{"del": {"uid": uid}}))

    async def _accept(self, listener: socket.socket) -> None:
        with listener:
            while True:
                connection, _ = await asyncio.get_running_loop().sock_accept(listener)
                self._keep(self._serve(_Line(connection)))

    async def _serve(self, line: "_Line") -> None:
        try:
            await line.greeted()
            self._ready.clear()
            self._lines.append(line)
            for pod in list(self._pods.values()):
                await self._tell(line, pod)
            await line.ask(ZDS["WorkloadRequest"](snapshot_sent={}))
            self._ready.set()
            await line.closed
        except TransportError as error:
            self._say(error.message)
        finally:
            self._lines[:] = [each for each in self._lines if each is not line]
            line.close()
            if not self._lines:
                self._ready.clear()

    async def _tell(self, line: "_Line", pod: Enrolled) -> None:
        """That one pod cannot be listened in is no reason not to tell of the others: the proxy tries again."""
        if pod.uid not in self._pods:
            return
        try:
            await line.add(pod)
        except Declined as declined:
            self._say(declined.message)

    def _keep(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class Declined(TransportError):  # noqa: N818 - it is an answer, and reads as one
    """The proxy answered that it cannot."""


class _Line:
    """One proxy that is connected."""

    def __init__(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self._turn = asyncio.Lock()
        self._expecting = True
        self.told: set[str] = set()
        self.closed = asyncio.create_task(self._read())

    async def greeted(self) -> None:
        """Wait for the first message, which says which form of the others is spoken."""
        hello = self._decoded("ZdsHello", await self._answer())
        if hello.version != ZDS["ZdsHello"](version="V1").version:
            raise TransportError(f"a ztunnel speaks version {hello.version} of ZDS; version 1 is expected")

    async def add(self, pod: Enrolled) -> None:
        """Tell of a pod.

        Raises:
            TransportError: it did not take it.
        """
        if pod.netns is None:
            await self.ask(ZDS["WorkloadRequest"](keep={"uid": pod.uid}))
        else:
            info = {"name": pod.name, "namespace": pod.namespace, "service_account": pod.account}
            request = ZDS["WorkloadRequest"](add={"uid": pod.uid, "workload_info": info})
            await self.ask(request, pod.netns)
        self.told.add(pod.uid)

    async def ask(self, request: Any, descriptor: int | None = None) -> None:
        """Send a request and wait until it is acknowledged.

        Raises:
            Declined: it cannot do it.
            TransportError: it is gone, or does not answer.
        """
        async with self._turn:
            self._expecting = True
            try:
                socket.send_fds(self._socket, [request.SerializeToString()], [] if descriptor is None else [descriptor])
            except OSError as error:
                raise TransportError(f"a ztunnel cannot be told of a pod: {error.strerror}") from error
            answer = self._decoded("WorkloadResponse", await self._answer())
        if answer.ack.error:
            raise Declined(f"ztunnel does not listen in a pod: {answer.ack.error}")

    def close(self) -> None:
        """Hang up."""
        self.closed.cancel()
        self._socket.close()

    async def _read(self) -> None:
        """Whatever comes is an answer; the end, too, and an empty one says so to who waits."""
        while True:
            try:
                message = await asyncio.get_running_loop().sock_recv(self._socket, _LONGEST)
            except OSError:
                message = b""
            if not self._expecting:
                message = b""  # nothing was asked: it is not to be understood any further
            self._expecting = False
            self._answers.put_nowait(message)
            if not message:
                return

    async def _answer(self) -> bytes:
        if self.closed.done() and self._answers.empty():
            raise TransportError("a ztunnel has hung up")
        try:
            async with asyncio.timeout(_PATIENCE):
                answer = await self._answers.get()
        except TimeoutError as error:
            self._socket.close()
            raise TransportError(f"a ztunnel did not answer within {_PATIENCE:g} s") from error
        if not answer:
            raise TransportError("a ztunnel has hung up")
        return answer

    @staticmethod
    def _decoded(kind: str, message: bytes) -> Any:
        try:
            return ZDS[kind].FromString(message)
        except DecodeError as error:
            raise TransportError(f"what a ztunnel said is no {kind}") from error
