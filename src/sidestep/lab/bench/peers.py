"""Client and server of measurements: small programs that run in pods and cost little beside what is measured.

    python -m sidestep.lab.bench.peers serve
    python -m sidestep.lab.bench.peers paced|fresh|read|first ADDRESS PORT RATE SECONDS [CONNECTIONS]

`paced` sends by the clock on connections that stay, whatever became of earlier requests, and counts each one's time
from the moment for which it was planned. `fresh` opens a connection for each request, one after the other. `read` takes
as many bytes as it can get on one connection. `first` tries until it is answered. Each tells what it saw as JSON.
"""

import ctypes
import gc
import json
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from sidestep.lab.agent.histogram import Histogram
from sidestep.lab.bench import BULK_PORT, HTTP_PORT

Told = dict[str, Any]
"""`count`, `failed`, `p50` to `p999` in microseconds, `latency` (a `Histogram`); of `read`: `rate`, bytes a second."""
CONNECTIONS = 32
_BODY = b"x" * 1024
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 1024\r\n\r\n" + _BODY
_END = b"\r\n\r\n"
_PIECE = 1 << 18
_PATIENCE = 3.0
_PAUSE = 0.002
_TIMERSLACK = 29
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}


def serve() -> None:
    """Answer every request with a kilobyte, and whoever connects to the other port with bytes without end."""
    listener, bulk = (_listener(port) for port in (HTTP_PORT, BULK_PORT))
    threading.Thread(target=_pour_for_all, args=(bulk,), daemon=True).start()
    poll, lines = select.epoll(), dict[int, socket.socket]()
    poll.register(listener, select.EPOLLIN)
    while True:
        for number, _ in poll.poll():
            if number == listener.fileno():
                line, _ = listener.accept()
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                lines[line.fileno()] = line
                poll.register(line, select.EPOLLIN)
            elif not _answered(lines[number]):
                poll.unregister(number)
                lines.pop(number).close()


def _listener(port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET6)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("::", port))
    found.listen(1024)
    return found


def _answered(line: socket.socket) -> bool:
    try:
        asked = line.recv(65536)
        if asked:
            line.send(_ANSWER * asked.count(_END))
    except OSError:
        return False
    return bool(asked)


def _pour_for_all(listener: socket.socket) -> None:
    while True:
        threading.Thread(target=_pour, args=(listener.accept()[0],), daemon=True).start()


def _pour(line: socket.socket) -> None:
    zeros = bytes(_PIECE)
    with line, suppress(OSError):
        while True:
            line.sendall(zeros)


class _Line:
    """A connection that stays, and what of an answer has come."""

    def __init__(self, address: str, port: int) -> None:
        self.socket = socket.create_connection((address, port), _PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = f"GET / HTTP/1.1\r\nHost: {address}\r\n\r\n".encode()
        self.planned = 0
        self._come = b""

    def ask(self, planned: int) -> None:
        self.planned, self._come = planned, b""
        self.socket.send(self._request)

    def whole(self) -> bool:
        """Take what has come; whether the answer is whole.

        Raises:
            OSError: it is no answer.
        """
        come = self.socket.recv(65536)
        if not come:
            raise ConnectionResetError
        self._come += come
        return _whole(self._come)


def _whole(come: bytes) -> bool:
    head = come.find(_END)
    if not come.startswith(b"HTTP/1.1 200"[: len(come)]):
        raise ConnectionAbortedError(come[:60])
    return head >= 0 and len(come) >= head + len(_END) + len(_BODY)


def paced(address: str, port: int, rate: float, seconds: float, connections: int = CONNECTIONS) -> Told:
    """Requests by the clock. `select` waits microseconds where `epoll` waits whole milliseconds."""
    free = deque(_Line(address, port) for _ in range(connections))
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


def fresh(address: str, port: int, rate: float, seconds: float, _: int = 0) -> Told:
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


def read(address: str, port: int, _rate: float, seconds: float, _: int = 0) -> Told:
    """As many bytes as come."""
    room, total = bytearray(_PIECE), 0
    with socket.create_connection((address, port), _PATIENCE) as line:
        line.recv_into(room)
        began = time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            total += line.recv_into(room)
    return {"count": total, "failed": 0, "rate": total / passed}


def first(address: str, port: int, _rate: float, seconds: float, _: int = 0) -> Told:
    """When somebody answered for the first time, by the clock that all processes of a machine share."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with suppress(OSError):
            line = _Line(address, port)
            line.ask(0)
            while not line.whole():
                pass
            return {"count": 1, "failed": 0, "at": time.monotonic()}
        time.sleep(_PAUSE)
    return {"count": 0, "failed": 1, "at": end}


def _told(took: Sequence[int], count: int, failed: int) -> Told:
    ranked = sorted(took) or [0]
    parts = {name: ranked[int(len(ranked) * share)] / 1000 for name, share in _QUANTILES.items()}
    latency = Histogram()
    for each in took:
        latency.add(each // 1000)
    return {"count": count, "failed": failed, **parts, "latency": msgspec.to_builtins(latency, str_keys=True)}


_LOADS: dict[str, Callable[[str, int, float, float, int], Told]] = {
    "paced": paced,
    "fresh": fresh,
    "read": read,
    "first": first,
}


def main(what: str, *rest: str) -> None:
    """One load, or the server."""
    ctypes.CDLL(None).prctl(_TIMERSLACK, 1, 0, 0, 0)
    gc.disable()
    if what == "serve":
        serve()
    address, port, rate, seconds, *more = rest
    connections = int(more[0]) if more else CONNECTIONS
    told = _LOADS[what](address, int(port), float(rate), float(seconds), connections)
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
