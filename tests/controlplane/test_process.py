"""The whole process: objects from the machine to a real Envoy, over restarts of either."""

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import grpc.aio
import msgspec
import pytest
from tests.support.ads import EveryService, bootstrap, first_answer, in_a_loop
from tests.support.envoy import MeshIdentities, _get, running_envoy
from tests.support.machine_stub import MachineStub
from tests.support.servers import free_port

from sidestep.controlplane.process import ROOTS, SOCKET, Options, _Process
from sidestep.controlplane.tokens import Proxy

pytestmark = pytest.mark.real


def _node(name: str = "one", address: str = "127.0.0.1") -> dict:
    status = {"addresses": [{"type": "InternalIP", "address": address}]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": status}


def _service(name: str) -> dict:
    spec = {"selector": {"app": name}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def _pod(name: str, address: str) -> dict:
    status = {"podIPs": [{"ip": address}], "conditions": [{"type": "Ready", "status": "True"}]}
    meta = {"name": f"{name}-0", "namespace": "default", "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"nodeName": "one"}, "status": status}


class Lab:
    """The machine's stub, the process, and an Envoy, which can each be ended."""

    def __init__(self, folder: Path, port: int) -> None:
        self.machine, self.folder, self.port = (
            MachineStub([_node(), _service("a"), _pod("a", "10.0.0.1")]),
            folder,
            port,
        )
        self.admin = ""

    @property
    def options(self) -> Options:
        folder = self.folder
        return Options(folder / "m.sock", folder / "cp", folder / "tokens", f"127.0.0.1:{self.port}")

    @asynccontextmanager
    async def control_plane(self):
        task = asyncio.create_task(_Process(self.options, {"node": EveryService()}).serve())
        try:
            await _until(lambda: task.done() or (self.options.folder / SOCKET).exists())
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            (self.options.folder / SOCKET).unlink(missing_ok=True)

    @asynccontextmanager
    async def envoy(self):
        token, roots = self.options.tokens / "one", self.options.folder / ROOTS
        config = bootstrap(Proxy("node", "one"), self.port, token, roots, "controlplane.sidestep")
        running = running_envoy(config, MeshIdentities(self.folder))
        try:
            self.admin = (await asyncio.to_thread(running.__enter__)).admin
            yield
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)

    async def has(self, service: str, *addresses: str) -> None:
        """Wait until Envoy's cluster of a service has these endpoints."""
        name = f"default/{service}.default.svc.cluster.local"
        for _ in range(500):
            if (await self._clusters()).get(name) == list(addresses):
                return
            await asyncio.sleep(0.02)
        pytest.fail(f"{name} has not {addresses}: {await self._clusters()}, {await self.ask('findings')}")

    async def ask(self, what: str, **fields: str):
        reader, writer = await asyncio.open_unix_connection(self.options.folder / SOCKET)
        writer.write(msgspec.json.encode({"do": what, **fields}) + b"\n")
        answer = json.loads(await reader.readline())
        writer.close()
        return answer.get("result", answer)

    async def _clusters(self) -> dict[str, list[str]]:
        text = await asyncio.to_thread(_get, self.admin, "/clusters?format=json")
        return {
            each["name"]: [host["address"]["socket_address"]["address"] for host in each.get("host_statuses", ())]
            for each in json.loads(text).get("cluster_statuses", ())
        }


@asynccontextmanager
async def _lab(folder: Path):
    lab = Lab(folder, free_port())
    async with lab.machine.listening(lab.options.machine):
        yield lab


async def _until(condition) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come")


@in_a_loop
async def test_objects_reach_envoy_as_they_change_also_while_the_machine_was_away(tmp_path):
    async with _lab(tmp_path) as lab, lab.control_plane(), lab.envoy():
        await lab.has("a", "10.0.0.1")
        lab.machine.put(_service("b"))
        lab.machine.put(_pod("b", "10.0.0.2"))
        await lab.has("b", "10.0.0.2")
        lab.machine.hang_up()
        lab.machine.objects.pop(("Pod", "default", "b-0"))
        lab.machine.objects["Pod", "default", "a-0"] = _pod("a", "10.0.0.3")
        await lab.has("a", "10.0.0.3")
        await lab.has("b")
        assert all(request["do"] == "watch" and "pods" in request["kinds"] for request in lab.machine.asked)


@in_a_loop
async def test_a_restarted_control_plane_is_trusted_and_sends_only_what_changed_meanwhile(tmp_path):
    async with _lab(tmp_path) as lab:
        for number in range(50):
            lab.machine.put(_service(f"s{number}"))
        async with lab.control_plane():
            trusted = (await lab.ask("status"))["trust"]
            envoy = lab.envoy()
            await envoy.__aenter__()
            await lab.has("a", "10.0.0.1")
        lab.machine.put(_pod("a", "10.0.0.9"))
        async with lab.control_plane():
            await lab.has("a", "10.0.0.9")
            status = await lab.ask("status")
            assert status["trust"] == trusted
            assert status["metrics"]["bytes"] < 500
            assert status["proxies"] == ["one"]
        await envoy.__aexit__(None, None, None)


@in_a_loop
async def test_what_was_told_can_be_asked_and_nobody_else_may_enter(tmp_path):
    async with _lab(tmp_path) as lab, lab.control_plane(), lab.envoy():
        await lab.has("a", "10.0.0.1")
        dump = await lab.ask("config-dump", node="one")
        assert {each["type"].rpartition(".")[2] for each in dump} == {"Cluster", "ClusterLoadAssignment"}
        assert dump[0]["resource"]["name"] == "default/a.default.svc.cluster.local"
        assert await lab.ask("config-dump", node="two") == []
        assert "cannot 'dance'" in (await lab.ask("dance"))["refusal"]["message"]
        modes = {file.name: oct(file.stat().st_mode & 0o777) for file in lab.options.folder.iterdir()}
        assert modes == {
            "authority.json": "0o600",
            "door.json": "0o600",
            "tokens.key": "0o600",
            "roots.pem": modes["roots.pem"],
            "operations.sock": "0o600",
        }
        assert oct(lab.options.folder.stat().st_mode & 0o777) == "0o700"


@in_a_loop
async def test_tokens_are_there_for_nodes_that_are_and_count_only_at_their_address(tmp_path):
    async with _lab(tmp_path) as lab, lab.control_plane():
        lab.machine.put(_node("two", "10.0.0.7"))
        await _until((lab.options.tokens / "two").exists)
        assert oct((lab.options.tokens / "two").stat().st_mode & 0o777) == "0o600"
        token = (lab.options.tokens / "two").read_text()
        lab.machine.remove(_node())
        await _until(lambda: not (lab.options.tokens / "one").exists())
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await first_answer(
                lab.port, (lab.options.folder / ROOTS).read_bytes(), "controlplane.sidestep", token, "two"
            )
        assert "does not count at 127.0.0.1" in (refused.value.details() or "")
