"""Where the node's proxy is not like ztunnel: docs/lab-fidelity.md, each point shown. F1 is in `test_streams`."""

import socket
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.hbone import context, outcome, tunnel
from tests.support.lab import asked, greeter, made, run_inside
from tests.support.node_mesh import NodeMesh, service

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "lab-fidelity.md"


def differences() -> dict[str, object]:
    mesh = NodeMesh()
    web = service("web", "10.96.0.20", (80, 8080))
    mesh.put(web)
    a, b = mesh.add("a", 0), mesh.add("b", 1, serves=[web])
    stranger = mesh.add("stranger", 0, captured=False)
    met: dict[str, object] = {}
    tls = context(Path("/run"), mesh.authority.issue("spiffe://cluster.local/ns/default/sa/a", datetime.now(UTC)))
    with greeter(b.namespace, 8080, "b"):
        with tunnel(stranger.namespace, b.ipv4, tls) as opened:
            met["F5"] = sorted(opened.ask(f"{b.ipv4}:8080").headers)
        met["F3"] = outcome(stranger.namespace, b.ipv4, tls, f"{web.hostname}:80")
        met["F4"] = [
            outcome(stranger.namespace, b.ipv6, tls, f"[{form}]:8080")
            for form in (b.ipv6, b.ipv6.replace("::", ":0::"))
        ]
    met["F6"] = asked(a.namespace, "10.128.0.250", 80)
    met["reset"] = reset(a, b)
    return met


def reset(client, server) -> str:
    """What a client sees when its server resets the connection after its first words."""
    listener = made(server.namespace, socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", 8090))  # noqa: S104
    listener.listen()

    def serve() -> None:
        line, _ = listener.accept()
        line.recv(10)
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        line.close()

    threading.Thread(target=serve, daemon=True).start()
    line = made(client.namespace, socket.AF_INET)
    line.settimeout(5)
    line.connect((server.ipv4, 8090))
    line.sendall(b"x")
    try:
        return repr(line.recv(10))
    except OSError as error:
        return type(error).__name__


@pytest.fixture(scope="module")
def met() -> dict:
    return run_inside(differences)


SHOWN = {
    "F3": "400",
    "F4": ["200", "400"],
    "F5": [":status", "baggage", "date", "server"],
    "F6": "",
}


@pytest.mark.parametrize("number", SHOWN)
def test_each_difference_is_as_it_is_written(met, number):
    assert met[number] == SHOWN[number]
    assert f"## {number} " in DOCUMENT.read_text(encoding="utf-8")


def test_as_at_ztunnel_a_reset_reaches_the_other_end_as_an_orderly_end(met):
    assert met["reset"] == "b''"
