"""The control plane beside what Envoy itself needs, and beside itself with fewer services.

Each figure is a ratio of one run on one machine, in interleaved rounds:

- a full push of N services to one Envoy against the same Envoy that loads the same resources from a file, and our CPU
  for it;
- one changed endpoint among N services until P real Envoys have acknowledged it, each of which asked for 20 services;
  and our CPU for it among N against among 100 services;
- how both grow with services.

Usage: python -m bench.controlplane [--services 5000] [--proxies 20] [--rounds 5] [--write]
"""

import argparse
import asyncio
import json
import time
import urllib.request
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from envoy.service.discovery.v3.discovery_pb2 import DiscoveryResponse
from tests.support.ads import START, EveryService, Running, bootstrap, cluster, endpoints, running
from tests.support.envoy import envoy_binary
from tests.support.servers import running as program

from bench.page import markdown, renew
from sidestep.controlplane.ca.folder import write_private
from sidestep.controlplane.generators import CLUSTER, Resource, Unit
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import ServiceKey
from sidestep.controlplane.registry.registry import Change, Registry
from sidestep.controlplane.tokens import Proxy

_NODE = Proxy("node", "one")
FEW = 100
FINE = 0.01
"""Seconds below which tenths of a millisecond matter."""
Rows = AsyncIterator[tuple[str, ...]]


def _service(number: int) -> dict:
    spec = {
        "selector": {"app": f"s{number}"},
        "clusterIP": f"10.{96 + number // 65536}.{number // 256 % 256}.{number % 256}",
        "ports": [{"port": 80, "targetPort": 8080}],
    }
    meta = {"name": f"s{number}", "namespace": f"ns{number % 50}"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": spec}


def _pod(number: int, address: str = "") -> dict:
    meta = {"name": f"s{number}-0", "namespace": f"ns{number % 50}", "labels": {"app": f"s{number}"}}
    ip = address or f"10.{1 + number // 65536}.{number // 256 % 256}.{number % 256}"
    status = {"podIPs": [{"ip": ip}], "conditions": [{"type": "Ready", "status": "True"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"nodeName": "one"}, "status": status}


def _registry(count: int) -> Registry:
    registry = Registry()
    registry.apply(Change.to(tree) for number in range(count) for tree in (_service(number), _pod(number)))
    return registry


async def _active(admin: Path, count: int) -> float:
    """Wait until Envoy says that it has this many clusters and is live; when that was."""
    for _ in range(6000):
        await asyncio.sleep(0.01)
        values = await asyncio.to_thread(_stats, admin)
        if values.get("cluster_manager.active_clusters", 0) >= count and values.get("server.live") == 1:
            return time.monotonic()
    raise TimeoutError(f"Envoy has {values} and should have {count} clusters")


def _stats(admin: Path) -> dict[str, int]:
    try:
        url = f"http://{admin.read_text()}/stats?filter=^(cluster_manager.active_clusters|server.live)$"
        with urllib.request.urlopen(url, timeout=30) as answer:
            lines = answer.read().decode().splitlines()
    except (OSError, ValueError):
        return {}
    return {name: int(value) for name, value in (line.split(": ") for line in lines)}


@asynccontextmanager
async def _envoy(config: dict, folder: Path) -> AsyncIterator[Path]:
    """A started Envoy; where its administration writes its address."""
    admin, file = folder / "admin", folder / "envoy.json"
    admin.unlink(missing_ok=True)
    config["admin"] = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}}}
    file.write_text(json.dumps(config))
    command = [
        str(envoy_binary()), "--config-path", str(file), "--admin-address-path", str(admin), "--concurrency", "1",
        "--disable-hot-restart", "--log-level", "error",
    ]  # fmt: skip
    with program(command, folder / "envoy.log"):
        yield admin


class Whole(EveryService):
    """Of each service a cluster that has its endpoints within: what can be loaded from a file, too.

    Envoy watches a file for each cluster whose endpoints stand elsewhere, and the kernel lets it watch 128.
    """

    def resources(self, index: Index, unit: Unit) -> Iterable[Resource]:
        kind, _, key = unit.partition(" ")
        if kind == "service" and key in index.services:
            message = cluster(key, alt=key)
            message.load_assignment.CopyFrom(endpoints(index, ServiceKey(key)))
            yield Resource(CLUSTER, key, message)


def _file(index: Index, folder: Path) -> dict:
    """A bootstrap that loads the same resources from a file."""
    response = DiscoveryResponse(version_info="1", type_url=CLUSTER)
    for key in index.services:
        for resource in Whole().resources(index, Unit(f"service {key}")):
            response.resources.add().Pack(resource.message)
    (folder / "clusters.pb").write_bytes(response.SerializeToString())
    path = {"path_config_source": {"path": str(folder / "clusters.pb")}, "resource_api_version": "V3"}
    return {"node": {"id": "one", "cluster": "node"}, "dynamic_resources": {"cds_config": path}}


def _client(lab: Running, folder: Path) -> dict:
    token, roots = folder / "token", folder / "roots.pem"
    write_private(token, lab.tokens.mint(_NODE, START).encode())
    roots.write_bytes(lab.roots)
    return bootstrap(_NODE, lab.port, token, roots)


async def _push(index: Index, generator: EveryService, folder: Path) -> tuple[float, float]:
    """Seconds from the start of Envoy until it has everything from us; our CPU seconds for it."""
    async with running(index, generator=generator) as lab:
        config = _client(lab, folder)
        cpu, began = time.process_time(), time.monotonic()
        async with _envoy(config, folder) as admin:
            pushed = await _active(admin, len(index.services)) - began
            return pushed, time.process_time() - cpu


async def _load(index: Index, folder: Path) -> tuple[float, float]:
    """Likewise from a file; the CPU seconds are those of looking whether it is done."""
    config = await asyncio.to_thread(_file, index, folder)
    cpu, began = time.process_time(), time.monotonic()
    async with _envoy(config, folder) as admin:
        loaded = await _active(admin, len(index.services)) - began
        return loaded, time.process_time() - cpu


def _asking(lab: Running, folder: Path, names: list[str]) -> dict:
    """An Envoy that asks for the endpoints of a few services and for nothing else, as a node's proxy does."""
    config = _client(lab, folder)
    del config["dynamic_resources"]["cds_config"], config["dynamic_resources"]["lds_config"]
    ads = {"ads": {}, "resource_api_version": "V3"}
    config["static_resources"] = {
        "clusters": [
            {"name": name, "type": "EDS", "connect_timeout": "1s", "eds_cluster_config": {"eds_config": ads}}
            for name in names
        ]
    }
    return config


async def _changes(count: int, proxies: int, rounds: int, folder: Path) -> tuple[float, float]:
    """Median seconds until one change was acknowledged by all proxies, and median CPU seconds of ours for it."""
    registry = _registry(count)
    names = [f"ns{number % 50}/s{number}.ns{number % 50}.svc.cluster.local" for number in range(20)]
    async with running(registry.index) as lab, AsyncExitStack() as envoys:
        for number in range(proxies):
            place = folder / f"{count}-{number}"
            place.mkdir(exist_ok=True)
            await envoys.enter_async_context(_envoy(_asking(lab, place, names), place))
        await lab.until(lambda: len(lab.plane.connections) == proxies and lab.plane.metrics.responses >= proxies)
        await asyncio.sleep(3)
        found = [await _change(lab, registry, number, proxies) for number in range(rounds)]
    return median(took for took, _ in found), median(cpu for _, cpu in found)


async def _change(lab: Running, registry: Registry, number: int, proxies: int) -> tuple[float, float]:
    acknowledged = lab.plane.metrics.convergence
    acknowledged.clear()
    await asyncio.sleep(0.05)
    pod = Change.to(_pod(7, f"10.99.{number // 256}.{number % 256}"))
    cpu, began = time.process_time(), time.monotonic()
    lab.plane.change(registry.derive([pod]))
    made = time.monotonic() - began
    while len(acknowledged) < proxies:  # noqa: ASYNC110  it is looked at from outside
        await asyncio.sleep(0.001)
    return made + max(acknowledged), time.process_time() - cpu


async def _pushed(registry: Registry, folder: Path, rounds: int) -> Rows:
    """A full push beside the same from a file."""
    turns = [(await _push(registry.index, Whole(), folder), await _load(registry.index, folder)) for _ in range(rounds)]
    ratio = median(push[0] / load[0] for push, load in turns)
    share = median((push[1] - load[1]) / push[0] for push, load in turns)
    what = f"a full push of {len(registry.index.services):,} services"
    yield f"{what}, to the same from a file", f"{ratio:.2f}", "≤ 1.15"
    yield f"{what}, of that our CPU", f"{share:.1%}", "≤ 5 %"


async def _changed(services: int, proxies: int, rounds: int, folder: Path) -> Rows:
    """One change among few services and among many."""
    found = {count: await _changes(count, proxies, rounds * 40, folder) for count in (FEW, services)}
    for count, (took, _) in found.items():
        bound = "< 10" if count == services else ""
        yield f"one change among {count:,} services to {proxies} proxies, ms", f"{took * 1000:.1f}", bound
    ratio = found[services][1] / found[FEW][1]
    yield f"our CPU for one change, among {services:,} to among {FEW} services", f"{ratio:.2f}", "≤ 1.5"


async def _grown(sizes: Iterable[int], folder: Path) -> Rows:
    """Full pushes with endpoints apart, as node proxies that asked for everything would have them."""
    for count in sizes:
        began = time.process_time()
        registry = await asyncio.to_thread(_registry, count)
        records = time.process_time() - began
        took, spent = await _push(registry.index, EveryService(), folder)
        times = (records, took, spent, took / count)
        yield (f"{count:,}", *(f"{each * 1000:,.2f}" if each < FINE else f"{each * 1000:,.0f}" for each in times))


async def _tables(services: int, proxies: int, rounds: int) -> tuple[str, str]:
    with TemporaryDirectory() as name:
        folder = Path(name)
        registry = await asyncio.to_thread(_registry, services)
        rows = [each async for each in _pushed(registry, folder, rounds)]
        rows += [each async for each in _changed(services, proxies, rounds, folder)]
        grown = [each async for each in _grown(sorted({FEW, 1000, services}), folder)]
    titles = ("services and pods", "records, CPU ms", "full push ms", "our CPU ms", "ms a service")
    return markdown(("control plane", "median", "wanted"), rows), markdown(titles, grown)


def main() -> None:
    """Measure, print, and renew the tables of docs/performance.md if that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--services", type=int, default=5000)
    parser.add_argument("--proxies", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="into docs/performance.md")
    given = parser.parse_args()
    tables = asyncio.run(_tables(given.services, given.proxies, given.rounds))
    for name, table in zip(("control plane", "control plane growth"), tables, strict=True):
        print(table, flush=True)
        if given.write:
            renew(name, table)


if __name__ == "__main__":
    main()
