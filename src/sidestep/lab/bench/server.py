"""The server of measurements (`python -m sidestep.lab.bench.server`): small, and there soon after it was started."""

import gc
import re
import select
import socket
import threading
from contextlib import suppress
from functools import cache

from sidestep.lab.bench import BODY, BULK_PORT, END, HTTP_PORT, PIECE, USUAL

_ASKED = re.compile(rb"(?:GET|POST) /(\d+) ")
"""A request for so many bytes."""


def serve() -> None:
    """Answer every request with a kilobyte, or what it asks for; the other port is a source of bytes without end."""
    listener, bulk = (_listener(port) for port in (HTTP_PORT, BULK_PORT))
    threading.Thread(target=_pour_for_all, args=(bulk,), daemon=True).start()
    poll, lines = select.epoll(), dict[int, Served]()
    poll.register(listener, select.EPOLLIN)
    while True:
        for number, _ in poll.poll():
            if number == listener.fileno():
                line, _ = listener.accept()
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                lines[line.fileno()] = Served(line)
                poll.register(line, select.EPOLLIN)
            elif not lines[number].goes_on():
                poll.unregister(number)
                lines.pop(number).socket.close()


def _listener(port: int) -> socket.socket:
    found = socket.socket(socket.AF_INET6)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("::", port))
    found.listen(1024)
    return found


class Served:
    """A connection that is answered, and what of a request has not come yet."""

    def __init__(self, line: socket.socket) -> None:
        self.socket = line
        self._head, self._size, self._left = b"", USUAL, 0

    def goes_on(self) -> bool:
        """Take what has come, and answer each request that is whole; whether more may come."""
        try:
            come = self.socket.recv(65536)
            rest = come
            while rest:
                rest = self._of_body(rest) if self._left else self._of_head(rest)
        except OSError:
            return False
        return bool(come)

    def _of_head(self, come: bytes) -> bytes:
        head, end, rest = (self._head + come).partition(END)
        self._head = b"" if end else head
        if end:
            asked, body = _ASKED.match(head), BODY.search(head)
            self._size = int(asked[1]) if asked is not None else USUAL
            self._left = int(body[1]) if body is not None else 0
            self._answered()
        return rest

    def _of_body(self, come: bytes) -> bytes:
        taken = min(self._left, len(come))
        self._left -= taken
        self._answered()
        return come[taken:]

    def _answered(self) -> None:
        if not self._left:
            self.socket.sendall(_answer(self._size))


@cache
def _answer(size: int) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size


def _pour_for_all(listener: socket.socket) -> None:
    while True:
        threading.Thread(target=_pour, args=(listener.accept()[0],), daemon=True).start()


def _pour(line: socket.socket) -> None:
    zeros = bytes(PIECE)
    with line, suppress(OSError):
        while True:
            line.sendall(zeros)


if __name__ == "__main__":
    gc.disable()
    serve()
