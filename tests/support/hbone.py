"""An HBONE client of the tests, which shares no code with what it speaks to: `h2` over `ssl`."""

import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import h2.config
import h2.connection
import h2.events
from msgspec import Struct
from tests.support.lab import made

from sidestep.controlplane.ca.authority import Chain
from sidestep.controlplane.ca.certificates import key_pem, pem
from sidestep.lab.net.namespaces import Namespace

_NUMBER = count()


class Answer(Struct):
    """What came of a request: a status, or how the connection ended; and what the tunnel carried first."""

    status: str
    headers: dict[str, str] = {}
    data: str = ""


def context(folder: Path, chain: Chain | None) -> ssl.SSLContext:
    """TLS with a certificate, or without one; who the server is does not matter here."""
    made_of = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made_of.check_hostname = False
    made_of.verify_mode = ssl.CERT_NONE
    made_of.set_alpn_protocols(["h2"])
    if chain is not None:
        file = folder / f"client-{next(_NUMBER)}.pem"
        file.write_bytes(key_pem(chain.key) + pem(chain.certificates))
        made_of.load_cert_chain(file)
    return made_of


class Tunnel:
    """A connection to somebody's port 15008."""

    def __init__(self, namespace: Namespace, address: str, tls: ssl.SSLContext) -> None:
        raw = made(namespace, socket.AF_INET6 if ":" in address else socket.AF_INET)
        raw.settimeout(5)
        raw.connect((address, 15008))
        self._line = tls.wrap_socket(raw)
        config = h2.config.H2Configuration(validate_outbound_headers=False, normalize_outbound_headers=False)
        self._h2 = h2.connection.H2Connection(config)
        self._h2.initiate_connection()
        self._line.sendall(self._h2.data_to_send())

    def ask(self, authority: str, *headers: tuple[str, str], method: str = "CONNECT", greeting: bool = True) -> Answer:
        """A request, and the first that comes back; of a tunnel that opens, what the other end says first."""
        stream = self._h2.get_next_available_stream_id()
        path = [] if method == "CONNECT" else [(":path", "/"), (":scheme", "http")]
        self._h2.send_headers(stream, [(":method", method), (":authority", authority), *path, *headers])
        self._line.sendall(self._h2.data_to_send())
        answer = Answer("")
        while not (answer.status and (answer.data or answer.status != "200" or not greeting)):
            for event in self._events():
                if getattr(event, "stream_id", stream) != stream:
                    continue
                match event:
                    case h2.events.ResponseReceived():
                        answer.headers = {key.decode(): value.decode() for key, value in event.headers}
                        answer.status = answer.headers[":status"]
                    case h2.events.DataReceived():
                        answer.data += event.data.decode()
                    case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                        answer.status = answer.status or type(event).__name__
                        return answer
                    case h2.events.StreamEnded():
                        return answer
        return answer

    def _events(self):
        data = self._line.recv(65536)
        if not data:
            return [h2.events.ConnectionTerminated()]
        events = self._h2.receive_data(data)
        self._line.sendall(self._h2.data_to_send())
        return events

    def close(self) -> None:
        self._line.close()


@contextmanager
def tunnel(namespace: Namespace, address: str, tls: ssl.SSLContext):
    """A tunnel that is closed again."""
    opened = Tunnel(namespace, address, tls)
    try:
        yield opened
    finally:
        opened.close()


def outcome(namespace: Namespace, address: str, tls: ssl.SSLContext, authority: str) -> str:
    """The status of one CONNECT, or that the connection was not to be had."""
    try:
        with tunnel(namespace, address, tls) as opened:
            return opened.ask(authority, greeting=False).status
    except (OSError, ssl.SSLError):
        return "refused"


class Server:
    """Somebody who listens at port 15008 of a namespace and answers each CONNECT with a greeting.

    Attributes:
        asked: the headers of all requests.
        peers: the URIs in the certificates of who came.
    """

    def __init__(self, namespace: Namespace, folder: Path, chain: Chain, roots: bytes, greeting: str) -> None:
        self.asked: list[dict[str, str]] = []
        self.peers: list[str] = []
        self._greeting = greeting.encode() + b"\n"
        file = folder / f"server-{next(_NUMBER)}.pem"
        file.write_bytes(key_pem(chain.key) + pem(chain.certificates))
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.set_alpn_protocols(["h2"])
        self._tls.load_cert_chain(file)
        self._tls.load_verify_locations(cadata=roots.decode())
        self._tls.verify_mode = ssl.CERT_REQUIRED
        self._listener = made(namespace, socket.AF_INET)
        self._listener.bind(("0.0.0.0", 15008))  # noqa: S104
        self._listener.listen(16)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            raw, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        with suppress(OSError), self._tls.wrap_socket(raw, server_side=True) as line:
            found = line.getpeercert() or {}
            self.peers += [name for kind, name in found.get("subjectAltName", ()) if kind == "URI"]
            self._speak(line)

    def _speak(self, line: ssl.SSLSocket) -> None:
        talk = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, validate_inbound_headers=False))
        talk.initiate_connection()
        line.sendall(talk.data_to_send())
        while data := line.recv(65536):
            for event in talk.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    self.asked.append({key.decode(): value.decode() for key, value in event.headers})
                    talk.send_headers(event.stream_id, [(":status", "200")])
                    talk.send_data(event.stream_id, self._greeting, end_stream=True)
            line.sendall(talk.data_to_send())
