"""A small real HTTP server on loopback that misbehaves as told."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Answer(NamedTuple):
    """What to send; `length` may lie, and None hangs until the server ends."""

    status: int = 200
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()
    length: int | None = None
    hang: bool = False


@contextmanager
def serving(decide: Callable[[str, int], Answer]) -> Iterator[str]:
    """Answer each request (path with query or form, and how many came before) as `decide` says; gives the URL."""
    done = threading.Event()
    counter = iter(range(10**9))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self):
            form = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
            answer = decide(f"{self.path}?{form}" if form else self.path, next(counter))
            if answer.hang:
                done.wait(30)
                return
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
            self.end_headers()
            self.wfile.write(answer.body)
            if answer.length is not None:
                self.wfile.flush()
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

        do_POST = do_GET  # noqa: N815 - the name that http.server calls

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        done.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def answering(**answer) -> Iterator[str]:
    """A server that says the same to everybody."""
    with serving(lambda *_: Answer(**answer)) as url:
        yield url
