"""Clients of measurements: small programs that run in pods and cost little beside what is measured.

    python -m sidestep.lab.bench.peers paced|full|fresh|read|first|hold|watch ADDRESS PORT RATE SECONDS [CONNECTIONS
        [BYTES [BYTES OF REQUESTS]]]

`paced` sends by the clock on connections that stay, whatever became of earlier requests, and counts each one's time
from the moment for which it was planned. `full` asks again on each connection as soon as it was answered. `fresh` opens
a connection for each request, one after the other. `read` takes as many bytes as it can get on one connection. `first`
tries until it is answered. `hold` has connections answered once, tells how many were, and keeps them until its input
ends. `watch` has them answered, tells how many were, and when the first was answered with another status; then how many
were closed meanwhile. Each tells what it saw as JSON.
"""

import ctypes
import gc
import json
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from sidestep.lab.agent.histogram import Histogram
from sidestep.lab.bench import BODY, END, PIECE, USUAL

Told = dict[str, Any]
"""`count`, `failed`, `p50` to `p999` in microseconds, `latency` (a `Histogram`); of `read`: `rate`, bytes a second."""
CONNECTIONS = 32
_PATIENCE = 3.0
_SHORT = 0.05
_PAUSE, _MOMENT = 0.002, 0.0005
_TIMERSLACK = 29
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}


class _Line:
    """A connection that stays, and what of an answer has come."""

    def __init__(self, address: str, port: int, size: int = USUAL, body: int = 0, patience: float = _PATIENCE) -> None:
        self.socket = socket.create_connection((address, port), patience)
        self.socket.settimeout(_PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        of = f"Content-Length: {body}\r\n" if body else ""
        head = f"{'POST' if body else 'GET'} /{size} HTTP/1.1\r\nHost: {address}\r\n{of}\r\n"
        self._request = head.encode() + b"x" * body
        self.planned = 0
        self._size, self._come = size, bytearray()

    def ask(self, planned: int) -> None:
        self.planned, self._come = planned, bytearray()
        self.socket.sendall(self._request)

    def whole(self) -> bool:
        """Take what has come; whether the answer is whole.

        Raises:
            OSError: it is no answer.
        """
        come = self.socket.recv(65536)
        if not come:
            raise ConnectionResetError
        self._come += come
        return _whole(self._come, self._size)


def _whole(come: bytearray, size: int) -> bool:
    head = come.find(END)
    if not come.startswith(b"HTTP/1.1 200"[: len(come)]):
        raise ConnectionAbortedError(bytes(come[:60]))
    return head >= 0 and len(come) >= head + len(END) + size


def paced(  # noqa: PLR0913, PLR0917 - as its caller writes them, in words
    address: str,
    port: int,
    rate: float,
    seconds: float,
    connections: int = CONNECTIONS,
    size: int = USUAL,
    body: int = 0,
) -> Told:
    """Requests by the clock. `select` waits microseconds where `epoll` waits whole milliseconds."""
    free = deque(_Line(address, port, size, body) for _ in range(connections))
    busy: dict[int, _Line] = {}
    due: deque[int] = deque()
    took: list[int] = []
    sent, count, interval = 0, int(rate * seconds), 1e9 / rate
    began = time.perf_counter_ns() + 50_000_000
    last = began + int(count * interval + _PATIENCE * 1e9)
    while (sent < count or busy or due) and (now := time.perf_counter_ns()) < last and (free or busy):
        while sent < count and began + int(sent * interval) <= now:
            due.append(began + int(sent * interval))
            sent += 1
        while due and free:
            line = free.popleft()
            line.ask(due.popleft())
            busy[line.socket.fileno()] = line
        wait = (began + sent * interval - time.perf_counter_ns()) / 1e9 if sent < count else 0.1
        for number in select.select(list(busy), (), (), max(wait, 0))[0]:
            line = busy[number]
            try:
                if line.whole():
                    took.append(time.perf_counter_ns() - line.planned)
                    free.append(busy.pop(number))
            except OSError:
                del busy[number]
    return _told(took, count, count - len(took))


def full(
    address: str, port: int, _rate: float, seconds: float, connections: int = CONNECTIONS, size: int = USUAL, *_: int
) -> Told:
    """As many requests as are answered, with one under way on each connection."""
    lines = {line.socket.fileno(): line for line in (_Line(address, port, size) for _ in range(connections))}
    began = time.perf_counter()
    for line in lines.values():
        line.ask(0)
    answered = failed = 0
    while lines and (passed := time.perf_counter() - began) < seconds:
        for number in select.select(list(lines), (), (), seconds - passed)[0]:
            try:
                if lines[number].whole():
                    answered += 1
                    lines[number].ask(0)
            except OSError:
                failed += 1
                del lines[number]
    return {"count": answered + failed, "failed": failed}


def fresh(address: str, port: int, rate: float, seconds: float, *_: int) -> Told:
    """A connection for each request."""
    took: list[int] = []
    count, interval = int(rate * seconds), 1e9 / rate
    began = time.perf_counter_ns()
    for number in range(count):
        planned = began + int(number * interval)
        time.sleep(max(planned - time.perf_counter_ns(), 0) / 1e9)
        with suppress(OSError):
            line = _Line(address, port)
            line.ask(planned)
            while not line.whole():
                pass
            took.append(time.perf_counter_ns() - planned)
            line.socket.close()
    return _told(took, count, count - len(took))


def read(address: str, port: int, _rate: float, seconds: float, *_: int) -> Told:
    """As many bytes as come."""
    room, total = bytearray(PIECE), 0
    with socket.create_connection((address, port), _PATIENCE) as line:
        line.recv_into(room)
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            total += line.recv_into(room)
    return {"count": total, "failed": 0, "rate": total / passed}


def first(address: str, port: int, _rate: float, seconds: float, *_: int) -> Told:
    """When somebody answered for the first time, by the clock that all processes of a machine share.

    Who is not there yet may take no notice at all, and TCP would wait a second before it asked again.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(OSError):
            line = _Line(address, port, patience=_SHORT)
            line.ask(0)
            while not line.whole():
                pass
            return {"count": 1, "failed": 0, "at": time.monotonic()}
        time.sleep(_PAUSE)
    return {"count": 0, "failed": 1, "at": end}


def hold(address: str, port: int, _rate: float, _seconds: float, connections: int = CONNECTIONS, *_: int) -> Told:
    """Connections that stay open, until nobody listens to this process any more."""
    lines = [_Line(address, port) for _ in range(connections)]
    for line in lines:
        line.ask(0)
        while not line.whole():
            pass
    sys.stdout.write(json.dumps({"count": len(lines)}) + "\n")
    sys.stdout.flush()
    sys.stdin.read()
    return {"count": len(lines), "failed": 0}


def watch(address: str, port: int, _rate: float, seconds: float, connections: int = CONNECTIONS, *_: int) -> Told:
    """When answers became others than they were, and which connections did not live to see it."""
    lines = [_Line(address, port) for _ in range(connections)]
    for line in lines:
        line.socket.settimeout(seconds)
    before = {_status(line) for line in lines}
    sys.stdout.write(json.dumps({"count": len(lines)}) + "\n")
    sys.stdout.flush()
    end, changed = time.monotonic() + seconds, False
    while not changed and time.monotonic() < end:
        time.sleep(_MOMENT)
        changed = _status(lines[0]) not in before
    at = time.monotonic()
    return {"count": int(changed), "failed": sum(not _status(line) for line in lines), "at": at}


def _status(line: _Line) -> int:
    """Of an answer, taken whole; 0 from a connection that is closed."""
    come = bytearray()
    try:
        line.ask(0)
        while END not in come:
            if not (more := line.socket.recv(65536)):
                return 0
            come += more
        head, _, rest = bytes(come).partition(END)
        length = BODY.search(head)
        missing = (int(length[1]) if length is not None else 0) - len(rest)
        while missing > 0 and (more := line.socket.recv(missing)):
            missing -= len(more)
    except OSError:
        return 0
    return int(head.split(b" ", 2)[1])


def _told(took: Sequence[int], count: int, failed: int) -> Told:
    ranked = sorted(took) or [0]
    parts = {name: ranked[int(len(ranked) * share)] / 1000 for name, share in _QUANTILES.items()}
    latency = Histogram()
    for each in took:
        latency.add(each // 1000)
    return {"count": count, "failed": failed, **parts, "latency": msgspec.to_builtins(latency, str_keys=True)}


_LOADS: dict[str, Callable[..., Told]] = {
    "paced": paced,
    "full": full,
    "fresh": fresh,
    "read": read,
    "first": first,
    "hold": hold,
    "watch": watch,
}


def main(what: str, *rest: str) -> None:
    """One load."""
    ctypes.CDLL(None).prctl(_TIMERSLACK, 1, 0, 0, 0)
    gc.disable()
    address, port, rate, seconds, *more = rest
    told = _LOADS[what](address, int(port), float(rate), float(seconds), *map(int, more))
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
