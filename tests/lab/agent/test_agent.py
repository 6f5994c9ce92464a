"""An agent as a process, on the loopback: every protocol, probes, life and end of pods, load."""

import asyncio
import http.client
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Self

import grpc
import pytest
from tests.support.agents import AgentProcess, free_ports, serve

from sidestep.lab.agent.messages import (
    Call,
    Cancel,
    Edge,
    Failed,
    Load,
    Probed,
    Progress,
    Ready,
    Request,
    Restart,
    Results,
    Stop,
)
from sidestep.lab.dns.names import DnsConfig
from sidestep.lab.workload.containers import Behaviour, Probe, ProbeKind, Protocol

ALL = (Protocol.HTTP, Protocol.GRPC, Protocol.TCP, Protocol.TCP_FIRST, Protocol.AUTO, Protocol.HTTPS)
CALLS = (
    ("http", Protocol.HTTP, "/a", 200),
    ("h2c", Protocol.HTTP, "/a", 200),
    ("ws", Protocol.HTTP, "/a", 101),
    ("h2c", Protocol.GRPC, "/a", 200),
    ("grpc", Protocol.GRPC, "/shop.Cart/Get", 0),
    ("tcp", Protocol.TCP, "", -1),
    ("tcp-first", Protocol.TCP_FIRST, "", -1),
    ("http", Protocol.AUTO, "/a", 200),
    ("grpc", Protocol.AUTO, "/shop.Cart/Get", 0),
    ("ws", Protocol.AUTO, "/a", 101),
    ("tcp", Protocol.AUTO, "", -1),
    ("https", Protocol.HTTPS, "/a", 200),
    ("http", Protocol.HTTP, "/bytes/3000000", 200),
    ("h2c", Protocol.HTTP, "/bytes/3000000", 200),
)


def played(scene):
    """Run a scene with an agent."""

    async def run():
        async with AgentProcess() as agent:
            return await scene(agent)

    return asyncio.run(run())


def url(port: int, scheme: str = "http", path: str = "/") -> str:
    return f"{scheme}://127.0.0.1:{port}{path}"


def test_every_protocol_is_answered():
    async def scene(agent):
        ports = dict(zip(ALL, free_ports(len(ALL)), strict=True))
        await agent.done(serve("web", *((port, protocol) for protocol, port in ports.items())))
        asked = [Call(0, "web", Request(url(ports[spoken], scheme, path))) for scheme, spoken, path, _ in CALLS]
        return [(await agent.outcomes(each))[0] for each in asked]

    for (scheme, spoken, _, code), outcome in zip(CALLS, played(scene), strict=True):
        assert (outcome.ok, outcome.kind, outcome.code) == (True, "ok", code), (scheme, spoken, outcome)
        assert outcome.pod == ("" if scheme == "tcp" else "shop/web")
        assert outcome.milliseconds > 0


def test_independent_clients_are_answered():
    async def scene(agent):
        web, rpc, secure = free_ports(3)
        await agent.done(serve("web", (web, Protocol.HTTP), (rpc, Protocol.GRPC), (secure, Protocol.HTTPS)))
        return await asyncio.to_thread(_asked_by_others, web, rpc)

    first, second, closing, health = played(scene)
    assert first["method"] == "POST"
    assert first["body_size"] == 100_000
    assert first["peer"].startswith("127.0.0.1:")
    assert second["peer"] == first["peer"]
    assert closing == "close"
    assert health == b"\x08\x01"


def _asked_by_others(web, rpc):
    line = http.client.HTTPConnection("127.0.0.1", web, timeout=20)
    answers = []
    for _ in range(2):
        line.request("POST", "/x", body=b"x" * 100_000)
        answers.append(json.loads(line.getresponse().read()))
    line.request("GET", "/", headers={"Connection": "close"})
    closing = line.getresponse()
    closing.read()
    line.close()
    with grpc.insecure_channel(f"127.0.0.1:{rpc}") as channel:
        health = channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=20)
    return *answers, closing.getheader("connection"), health


def test_failures_are_told_apart():
    async def scene(agent):
        web, tcp = free_ports(2)
        await agent.done(serve("web", (web, Protocol.HTTP), (tcp, Protocol.TCP)))
        with _rude(reset=True) as resets, _rude(reset=False) as closes, _silent() as silent:
            asked = {
                "refused": url(1),
                "name": "http://nobody/",
                "http-503": url(web, path="/status/503"),
                "protocol": url(tcp),
                "reset": url(resets),
                "closed": url(closes),
                "timeout": url(silent),
                "tls": url(web, "https"),
                "error": "gopher://127.0.0.1/",
            }
            return {
                kind: (await agent.outcomes(Call(0, "web", Request(each, timeout=1 if kind == "timeout" else 30))))[0]
                for kind, each in asked.items()
            }

    for kind, outcome in played(scene).items():
        assert (outcome.ok, outcome.kind) == (False, kind), outcome
        assert outcome.detail or kind.startswith("http-")


class _rude:  # noqa: N801 - reads as a word
    """A server that ends connections as soon as it has read."""

    def __init__(self, *, reset: bool) -> None:
        self._reset = reset

    def __enter__(self) -> int:
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return self._listener.getsockname()[1]

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            with line:
                line.recv(65536)
                if self._reset:
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")


class _silent:  # noqa: N801 - reads as a word
    """A server that never answers."""

    def __enter__(self) -> int:
        self._listener = socket.create_server(("127.0.0.1", 0))
        return self._listener.getsockname()[1]

    def __exit__(self, *_: object) -> None:
        self._listener.close()


def test_calls_go_onward_with_their_trace():
    async def scene(agent):
        front, back = free_ports(2)
        await agent.done(serve("back", (back, Protocol.HTTP)))
        calls = Behaviour(calls=(url(back, path="/deep"), url(back, "grpc", "/a.B/C")))
        await agent.done(serve("front", (front, Protocol.HTTP), behaviour=calls))
        request = Request(url(front), headers=(("traceparent", "00-1-2-01"),))
        return (await agent.outcomes(Call(0, "front", request)))[0]

    seen = json.loads(played(scene).body)
    assert [(each["ok"], each["pod"]) for each in seen["calls"]] == [(True, "shop/back")] * 2


def test_a_port_that_is_taken_is_named_and_nothing_of_the_pod_runs():
    async def scene(agent):
        taken, free = free_ports(2)
        await agent.done(serve("one", (taken, Protocol.HTTP)))
        answer = await agent.do(serve("two", (free, Protocol.HTTP), (taken, Protocol.HTTP)))
        after = (await agent.outcomes(Call(0, "one", Request(url(free)))))[0]
        return answer, f"port {taken}", after.kind

    answer, port, after = played(scene)
    assert isinstance(answer, Failed)
    assert port in answer.reason
    assert after == "refused"


def test_a_port_that_was_taken_while_a_container_was_slow_to_start_is_told():
    async def scene(agent):
        (port,) = free_ports(1)
        await agent.done(serve("slow", (port, Protocol.HTTP), behaviour=Behaviour(start_after=0.3)))
        await agent.done(serve("quick", (port, Protocol.HTTP)))
        told = await agent.heard(lambda each: isinstance(each, Ready) and each.uid == "slow" and not each.started)
        return told.reason, f"port {port}"

    reason, port = played(scene)
    assert port in reason


def test_commands_that_make_no_sense_are_answered():
    async def scene(agent):
        agent.raw(b'{"do": "fly", "id": 77}\nnonsense\n')
        unread = await agent.heard(lambda each: isinstance(each, Failed) and each.id == 77)
        (port,) = free_ports(1)
        await agent.done(serve("web", (port, Protocol.HTTP)))
        edge = Edge("e", "web", Request(url(port)), rate=0)
        others = (
            serve("web", (port, Protocol.HTTP)),
            Stop(0, "nobody"),
            Restart(0, "web", "nobody"),
            Call(0, "nobody", Request(url(port))),
            Load(0, (edge,), 1),
            Load(0, (), 1),
            Cancel(0, 99),
        )
        return [unread, *[await agent.do(each) for each in others]]

    answers = played(scene)
    assert all(isinstance(each, Failed) and each.reason for each in answers)
    assert "fly" in answers[0].reason


def test_readiness_is_told_once_and_again_when_it_changes():
    async def scene(agent):
        (port,) = free_ports(1)
        probe = Probe(ProbeKind.READINESS, port=port, path="/", period=0.05)
        await agent.done(serve("web", (port, Protocol.HTTP), behaviour=Behaviour(start_after=0.3), probes=(probe,)))
        await agent.heard(lambda each: isinstance(each, Ready) and each.ready)
        return [each for each in agent.events if isinstance(each, Ready)]

    told = played(scene)
    assert (told[0].ready, told[-1].ready) == (False, True)
    assert all(each.reason for each in told if not each.ready)


def test_others_wait_for_the_startup_probe():
    async def scene(agent):
        (port,) = free_ports(1)
        async with _Held() as held:
            start = Probe(ProbeKind.STARTUP, port=held.port, path="/", timeout=30)
            never = Probe(ProbeKind.LIVENESS, port=1, period=0.01, failure_threshold=1)
            await agent.done(serve("web", (port, Protocol.HTTP), probes=(start, never)))
            await held.asked.wait()
            before = [each for each in agent.events if isinstance(each, Probed)]
            held.released.set()
            await agent.heard(lambda each: isinstance(each, Ready) and each.started)
            await agent.heard(lambda each: isinstance(each, Probed))
        return before

    assert played(scene) == []


@pytest.mark.parametrize(
    "probe",
    [
        {"path": "/status/500"},
        {"grpc": True},
        {"command": ("false",)},
        {"path": "/delay/5", "timeout": 0.1},
        {"port": 1},
    ],
)
def test_a_liveness_probe_that_fails_asks_for_a_restart(probe):
    async def scene(agent):
        (port,) = free_ports(1)
        fields = {"port": port, "period": 0.05, "failure_threshold": 2, **probe}
        protocol = Protocol.TCP if probe.get("grpc") else Protocol.HTTP
        command = serve("web", (port, protocol), probes=(Probe(ProbeKind.LIVENESS, **fields),))
        if probe.get("command"):
            command = _with_a_command_of_its_own(command)
        await agent.done(command)
        return await agent.heard(lambda each: isinstance(each, Probed))

    found = played(scene)
    assert (found.uid, found.container, found.kind) == ("web", "app", "liveness")
    assert "liveness probe: " in found.reason


@pytest.mark.parametrize(("status", "healthy"), [(b"\x08\x01", True), (b"\x08\x02", False)])
def test_a_grpc_probe_asks_for_its_service_and_reads_the_status(status, healthy):
    async def scene(agent):
        with _grpc_server(status) as (port, asked):
            fields = {"port": port, "grpc": True, "grpc_service": "cart", "period": 0.05, "failure_threshold": 2}
            ready = Probe(ProbeKind.READINESS, **fields)
            await agent.done(serve("web", probes=(ready, Probe(ProbeKind.LIVENESS, **fields))))
            await agent.heard(lambda each: isinstance(each, Probed) or getattr(each, "ready", False))
        return asked[0], not any(isinstance(each, Probed) for each in agent.events)

    assert played(scene) == (b"\x0a\x04cart", healthy)


@contextmanager
def _grpc_server(status: bytes):
    """An independent server of gRPC, that notes what it was asked."""
    asked: list[bytes] = []

    def check(request, _):
        asked.append(request)
        return status

    handler = grpc.unary_unary_rpc_method_handler(check)
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("grpc.health.v1.Health", {"Check": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port, asked
    finally:
        server.stop(0).wait()


def _with_a_command_of_its_own(command):
    from msgspec import structs  # noqa: PLC0415

    containers = tuple(structs.replace(each, command=("sleep", "1")) for each in command.pod.containers)
    return structs.replace(command, pod=structs.replace(command.pod, containers=containers))


def test_a_restart_begins_anew():
    async def scene(agent):
        (port,) = free_ports(1)
        probe = Probe(ProbeKind.READINESS, port=port, path="/", period=0.05)
        await agent.done(serve("web", (port, Protocol.HTTP), probes=(probe,)))
        await agent.heard(lambda each: isinstance(each, Ready) and each.ready)
        agent.events.clear()
        await agent.done(Restart(0, "web", "app"))
        await agent.heard(lambda each: isinstance(each, Ready) and each.ready)
        return [each.ready for each in agent.events if isinstance(each, Ready)]

    assert played(scene) == [False, True]


@pytest.mark.parametrize("scheme", ["http", "h2c", "grpc"])
def test_a_pod_that_ends_finishes_what_it_was_asked_and_takes_no_more(scheme):
    async def scene(agent):
        port, other = free_ports(2)
        await agent.done(serve("caller", (other, Protocol.HTTP)))
        async with _Held() as held:
            await agent.done(serve("web", (port, Protocol.AUTO), behaviour=Behaviour(calls=(url(held.port),))))
            _, asked = agent.begin(Call(0, "caller", Request(url(port).replace("http", scheme, 1))))
            await held.asked.wait()
            _, stopped = agent.begin(Stop(0, "web", 20))
            while (await agent.outcomes(Call(0, "caller", Request(url(port), timeout=0.5))))[0].kind != "refused":
                pass
            assert not stopped.done()
            held.released.set()
            return (await asked).outcomes[0], await stopped

    answered, stopped = played(scene)
    assert answered.ok
    assert scheme != "http" or dict(answered.headers)["connection"] == "close"
    assert not isinstance(stopped, Failed)


def test_what_is_not_finished_in_its_grace_is_cut():
    async def scene(agent):
        port, other = free_ports(2)
        await agent.done(serve("caller", (other, Protocol.HTTP)))
        async with _Held() as held:
            await agent.done(serve("web", (port, Protocol.HTTP), behaviour=Behaviour(calls=(url(held.port),))))
            _, asked = agent.begin(Call(0, "caller", Request(url(port), timeout=20)))
            await held.asked.wait()
            await agent.done(Stop(0, "web", 0.1))
            return (await asked).outcomes[0].kind

    assert played(scene) in {"reset", "closed"}


class _Held:
    """A server that answers when it is let."""

    async def __aenter__(self) -> Self:
        self.asked, self.released = asyncio.Event(), asyncio.Event()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.released.set()
        self._server.close()

    async def _serve(self, reader, writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked.set()
        await self.released.wait()
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        writer.close()


def test_a_kept_connection_that_was_closed_meanwhile_is_asked_again_as_clients_do():
    async def scene(agent):
        port, other = free_ports(2)
        await agent.done(serve("caller", (other, Protocol.HTTP)))
        with _closing_after_one(port):
            call = Call(0, "caller", Request(url(port)), count=3, fresh=False)
            return await agent.outcomes(call)

    outcomes = played(scene)
    assert [each.ok for each in outcomes] == [True] * 3


class _closing_after_one:  # noqa: N801 - reads as a word
    """Answers one request and says nothing of closing, but closes when it hears more."""

    def __init__(self, port: int) -> None:
        self._port = port

    def __enter__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self._port))
        threading.Thread(target=self._serve, daemon=True).start()

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(line,), daemon=True).start()

    @staticmethod
    def _answer(line: socket.socket) -> None:
        with line:
            line.recv(65536)
            line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
            line.recv(65536)


def test_load_counts_every_request_once():
    async def scene(agent):
        port, failing = free_ports(2)
        await agent.done(serve("web-1", (port, Protocol.HTTP)))
        await agent.done(serve("bad", (failing, Protocol.HTTP), behaviour=Behaviour(error_rate=0.1, error_code=500)))
        edges = (
            Edge("good", "web-1", Request(url(port)), 100, expect=("shop/web-",)),
            Edge("wrong", "web-1", Request(url(port)), 20, expect=("shop/other-",)),
            Edge("errors", "web-1", Request(url(failing)), 50, fresh=True),
            Edge("refused", "web-1", Request(url(1)), 10),
            Edge("denied", "web-1", Request(url(port, path="/status/403")), 10, accept=(403,)),
        )
        results = await agent.do(Load(0, edges, 2))
        return results, [each for each in agent.events if isinstance(each, Progress)]

    results, progress = played(scene)
    assert isinstance(results, Results), results
    found = {each.name: (each.sent, each.ok, each.failures) for each in results.edges}
    assert found == {
        "good": (200, 200, {}),
        "wrong": (40, 0, {"wrong-pod": 40}),
        "errors": (100, 90, {"http-500": 10}),
        "refused": (20, 0, {"refused": 20}),
        "denied": (20, 20, {}),
    }
    by_name = {each.name: each for each in results.edges}
    assert by_name["good"].pods == {"shop/web-1": 200}
    assert by_name["good"].connections <= 8
    assert by_name["errors"].connections == 100
    assert by_name["errors"].examples["http-500"].outcome.code == 500
    assert all(each.lag.count() == each.sent and each.latency.count() == each.ok for each in results.edges)
    assert progress


def test_a_request_that_waits_for_a_connection_waits_from_its_time_on():
    async def scene(agent):
        (port,) = free_ports(1)
        await agent.done(serve("web", (port, Protocol.HTTP), behaviour=Behaviour(latency=0.2)))
        return await agent.do(Load(0, (Edge("e", "web", Request(url(port)), 10, connections=1),), 1))

    (edge,) = played(scene).edges
    assert (edge.sent, edge.ok) == (10, 10)
    assert edge.latency.largest > 1_000_000


def test_a_load_can_be_ended_early():
    async def scene(agent):
        (port,) = free_ports(1)
        await agent.done(serve("web", (port, Protocol.HTTP)))
        number, answer = agent.begin(Load(0, (Edge("e", "web", Request(url(port)), 50),), 600))
        await agent.heard(lambda each: isinstance(each, Progress))
        await agent.done(Cancel(0, number))
        return await answer

    results = played(scene)
    (edge,) = results.edges
    assert edge.sent == edge.ok > 0
    assert results.seconds < 600


def test_a_pod_without_nameserver_finds_no_names_and_says_so():
    async def scene(agent):
        (port,) = free_ports(1)
        await agent.done(serve("web", (port, Protocol.HTTP), dns=DnsConfig(search=("a",))))
        return (await agent.outcomes(Call(0, "web", Request("http://other/"))))[0]

    assert "no nameserver" in played(scene).detail
