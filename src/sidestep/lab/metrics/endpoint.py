"""Metrics over HTTP, for a Prometheus to scrape: asked of the lab anew at each scrape."""

import socket
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sidestep.errors import SidestepError, WorldError
from sidestep.lab.sockets import family_of

PATH = "/metrics"
_TEXT = "text/plain; version=0.0.4; charset=utf-8"
_PATIENCE = 10


class Endpoint(ThreadingHTTPServer):
    """Listens as soon as it is made.

    Args:
        host: address to listen at.
        port: 0 for any that is free.
        text: what is answered; its errors are answered as 503.

    Raises:
        WorldError: it cannot listen there.
    """

    daemon_threads = True

    def __init__(self, host: str, port: int, text: Callable[[], str]) -> None:
        self.address_family = family_of(host)
        self.text = text
        try:
            super().__init__((host, port), _Scrape)
        except OSError as error:
            where = _written(host, port)
            remedy = "name another port, or 0 for any that is free"
            raise WorldError(f"cannot listen: {error.strerror}", where=where, remedy=remedy) from error

    def server_bind(self) -> None:
        """Bind; unlike its parent, nobody is asked for the host's name."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    @property
    def url(self) -> str:
        """What is to be scraped."""
        return f"http://{_written(self.server_name, self.server_port)}{PATH}"


class _Scrape(BaseHTTPRequestHandler):
    server: Endpoint
    timeout = _PATIENCE

    def do_GET(self) -> None:
        """One scrape."""
        if self.path.partition("?")[0] != PATH:
            self._answer(HTTPStatus.NOT_FOUND, f"metrics are at {PATH}\n")
            return
        try:
            text = self.server.text()
        except SidestepError as error:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, f"{error.message}\n")
            return
        self._answer(HTTPStatus.OK, text)

    def _answer(self, status: HTTPStatus, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", _TEXT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parent's word
        """Nothing: scrapes come for ever."""


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
