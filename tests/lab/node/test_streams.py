"""What becomes of bytes: much, little, half-closed, silent, first said by the server; by tunnel and without."""

import hashlib
import socket
import threading
import time
from contextlib import suppress

import pytest
from tests.support.lab import connected, made, run_inside
from tests.support.node_mesh import NodeMesh

MUCH = 64 * 1024 * 1024


def listen(namespace, port: int, serve) -> None:
    """Serve each who comes."""
    listener = made(namespace, socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", port))  # noqa: S104
    listener.listen(64)

    def accept() -> None:
        while True:
            line, _ = listener.accept()
            threading.Thread(target=serve, args=(line,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def digest_then_send(line: socket.socket) -> None:
    """Takes everything until the client has said its last, answers with its digest, then sends much."""
    found = hashlib.sha256()
    while data := line.recv(1 << 16):
        found.update(data)
    line.sendall(found.hexdigest().encode())
    block = bytes(range(256)) * 256
    for _ in range(MUCH // len(block)):
        line.sendall(block)
    line.close()


def last_word_first(line: socket.socket) -> None:
    """Says everything that it has to say at once, and goes on listening."""
    line.sendall(b"done")
    line.shutdown(socket.SHUT_WR)
    heard = b""
    with suppress(OSError):
        heard = line.makefile("rb").read()
    line.close()
    WORDS.append(heard.decode())


WORDS: list[str] = []


def streams() -> dict[str, object]:
    mesh = NodeMesh()
    a, b, plain = mesh.add("a", 0), mesh.add("b", 1), mesh.add("plain", 1, captured=False)
    met: dict[str, object] = {}
    for pod in (b, plain):
        listen(pod.namespace, 8080, digest_then_send)
        listen(pod.namespace, 8081, last_word_first)
    for name, client, server in (("tunnel", a, b), ("relayed", a, plain), ("plaintext", plain, b)):
        met[name] = [upload(client, server), tiny(client, server)]
        met[f"{name}, late"] = says_late(client, server)
    return met


def upload(client, server) -> bool:
    """Both ways much, after the client has closed its half."""
    line = connected(client.namespace, server.ipv4, 8080, patience=30)
    block = bytes(range(256)) * 256
    sent = hashlib.sha256()
    for _ in range(MUCH // len(block)):
        sent.update(block)
        line.sendall(block)
    line.shutdown(socket.SHUT_WR)
    back = line.makefile("rb").read()
    return back[:64].decode() == sent.hexdigest() and len(back) == 64 + MUCH


def says_late(client, server) -> list[object]:
    """The server has closed its half: whether all it said was heard, and what it hears of what the client says then."""
    before = len(WORDS)
    line = connected(client.namespace, server.ipv4, 8081, patience=10)
    heard = line.makefile("rb").read()
    with suppress(OSError):
        for word in (b"late ", b"words"):
            line.sendall(word)
        line.shutdown(socket.SHUT_WR)
    end = time.monotonic() + 5
    while len(WORDS) == before and time.monotonic() < end:
        time.sleep(0.01)
    return [heard.decode(), "".join(WORDS[before:])]


def tiny(client, server) -> bool:
    line = connected(client.namespace, server.ipv4, 8080, patience=30)
    line.sendall(b"x")
    line.shutdown(socket.SHUT_WR)
    return line.makefile("rb").read(64).decode() == hashlib.sha256(b"x").hexdigest()


@pytest.fixture(scope="module")
def met() -> dict:
    return run_inside(streams, timeout=180)


@pytest.mark.parametrize("path", ["tunnel", "relayed", "plaintext"])
def test_much_and_little_arrives_whole_when_the_client_closes_its_half_first(met, path):
    assert met[path] == [True, True]


def test_without_a_tunnel_a_server_that_closed_its_half_still_listens(met):
    assert met["plaintext, late"] == ["done", "late words"]


@pytest.mark.parametrize("path", ["tunnel", "relayed"])
def test_difference_in_a_tunnel_a_server_that_closes_its_half_closes_both(met, path):
    """docs/lab-fidelity.md, F1: all that it said arrives, but it hears nothing more."""
    assert met[f"{path}, late"] == ["done", ""]
