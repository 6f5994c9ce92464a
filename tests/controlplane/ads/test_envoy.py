"""A real Envoy as client: TLS, its token, everything that it is told, what it rejects, and a restart."""

import asyncio
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from tests.support.ads import START, Running, bootstrap, in_a_loop, running
from tests.support.envoy import MeshIdentities, _get, running_envoy

from sidestep.controlplane.ca.authority import Authority
from sidestep.controlplane.ca.folder import write_private
from sidestep.controlplane.generators import ENDPOINTS
from sidestep.controlplane.index import Changes, Index
from sidestep.controlplane.records import PortMap, Records, Service, ServiceKey, Workload, WorkloadUid
from sidestep.controlplane.tokens import Proxy

pytestmark = pytest.mark.real
_NODE = Proxy("node", "one")


def service(name: str) -> Service:
    return Service(name, "default", f"{name}.default.svc.cluster.local", ("10.96.0.1",), (PortMap(80, 8080),))


def pod(name: str, address: str, *services: ServiceKey, node: str = "one") -> Workload:
    uid = WorkloadUid(f"Kubernetes//Pod/default/{name}")
    return Workload(uid, name, "default", (address,), node, services=dict.fromkeys(services, ()))


def records(count: int) -> Records:
    services = [service(f"s{number}") for number in range(count)]
    pods = [pod(f"p{number}", "10.0.0.1", each.key) for number, each in enumerate(services)]
    return Records({each.uid: each for each in pods}, {each.key: each for each in services}, {})


@asynccontextmanager
async def connected(lab: Running, folder: Path, proxy: Proxy = _NODE):
    """An Envoy with a token of this proxy."""
    token, roots = folder / "token", folder / "roots.pem"
    write_private(token, lab.tokens.mint(proxy, START).encode())
    roots.write_bytes(lab.roots)
    envoy = running_envoy(bootstrap(_NODE, lab.port, token, roots), MeshIdentities(folder))
    try:
        yield await asyncio.to_thread(envoy.__enter__)
    finally:
        await asyncio.to_thread(envoy.__exit__, None, None, None)


async def _asked(admin: str, path: str) -> dict:
    return json.loads(await asyncio.to_thread(_get, admin, path))


async def _clusters(admin: str) -> dict[str, list[str]]:
    found = (await _asked(admin, "/clusters?format=json"))["cluster_statuses"]
    return {
        each["name"]: [host["address"]["socket_address"]["address"] for host in each.get("host_statuses", ())]
        for each in found
    }


@in_a_loop
async def test_envoy_shows_its_token_over_tls_and_takes_everything(tmp_path):
    async with running(Index.of(records(3))) as lab, connected(lab, tmp_path) as envoy:
        await lab.until(lambda: lab.plane.settled)
        assert await _clusters(envoy.admin) == {each.key: ["10.0.0.1"] for each in map(service, ("s0", "s1", "s2"))}


@in_a_loop
async def test_a_change_reaches_envoy_alone(tmp_path):
    async with running(Index.of(records(20))) as lab, connected(lab, tmp_path) as envoy:
        await lab.until(lambda: lab.plane.settled)
        sent = lab.plane.metrics.bytes
        moved = pod("p3", "10.0.0.9", service("s3").key)
        lab.plane.change(Changes({moved.uid: moved}))
        await lab.until(lambda: lab.plane.settled)
        found = await _clusters(envoy.admin)
        assert found[service("s3").key] == ["10.0.0.9"]
        assert found[service("s4").key] == ["10.0.0.1"]
        assert lab.plane.metrics.bytes - sent < 500
        assert len(lab.plane.metrics.convergence) == 1


@in_a_loop
async def test_what_is_gone_goes(tmp_path):
    async with running(Index.of(records(2))) as lab, connected(lab, tmp_path) as envoy:
        await lab.until(lambda: lab.plane.settled)
        lab.plane.change(Changes(services={service("s0").key: None}))
        await lab.until(lambda: lab.plane.settled)
        assert list(await _clusters(envoy.admin)) == [service("s1").key]


@in_a_loop
async def test_only_its_own_node_hears_of_a_pods_listener(tmp_path):
    pods = [msgspec.structs.replace(pod(f"on-{node}", "10.0.0.1", node=node), netns="/x") for node in ("one", "two")]
    index = Index.of(Records({each.uid: each for each in pods}, {}, {}))
    async with running(index) as lab, connected(lab, tmp_path) as envoy:
        await lab.until(lambda: lab.plane.settled)
        dump = await _asked(envoy.admin, "/config_dump?resource=dynamic_listeners")
        assert [each["name"] for each in dump["configs"]] == ["on-one"]


@in_a_loop
async def test_a_restarted_control_plane_sends_only_what_changed_meanwhile(tmp_path):
    authority = Authority.new("cluster.local", datetime.now(UTC))
    known = records(50)
    async with running(Index.of(known), authority=authority) as lab:
        port, folder = lab.port, tmp_path
        token, roots = folder / "token", folder / "roots.pem"
        write_private(token, lab.tokens.mint(_NODE, START).encode())
        roots.write_bytes(lab.roots)
        envoy = running_envoy(bootstrap(_NODE, port, token, roots), MeshIdentities(folder))
        program = await asyncio.to_thread(envoy.__enter__)
        await lab.until(lambda: lab.plane.settled)
    moved, gone = pod("p3", "10.0.0.9", service("s3").key), service("s4").key
    later = Index.of(known)
    later.apply(Changes({moved.uid: moved}, {gone: None}))
    try:
        async with running(later, authority=authority, port=port) as lab:
            await lab.until(lambda: lab.plane.connections and lab.plane.metrics.responses >= 2 and lab.plane.settled)
            found = await _clusters(program.admin)
            assert found[service("s3").key] == ["10.0.0.9"]
            assert gone not in found
            assert lab.plane.metrics.bytes < 1000
    finally:
        await asyncio.to_thread(envoy.__exit__, None, None, None)


@in_a_loop
async def test_what_envoy_rejects_is_a_finding_with_its_reason_and_the_rest_is_taken(tmp_path):
    bad = msgspec.structs.replace(pod("bad", "no address", service("s0").key))
    known = records(2)
    index = Index.of(Records({**known.workloads, bad.uid: bad}, known.services, {}))
    async with running(index) as lab, connected(lab, tmp_path) as envoy:
        await lab.until(lambda: lab.plane.findings)
        [finding] = lab.plane.findings
        assert finding.rejection.proxy == "one"
        assert finding.rejection.type_url == ENDPOINTS
        assert "no address" in finding.rejection.reason
        await lab.until(lambda: lab.plane.settled)
        assert (await _clusters(envoy.admin))[service("s1").key] == ["10.0.0.1"]
