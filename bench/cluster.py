"""Reading a cluster, against fetching the same pages raw and against kubectl, on a real API server, in one run.

    python -m bench.cluster [--pods 10000] [--rounds 5]

The pods are those of the generator, posted once; the sides take turns.
"""

import argparse
import http.client
import json
import os
import ssl
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from tests.support.servers import ApiServer, api_server, server_binary
from tools.meshgen.build import build, objects
from tools.meshgen.config import Config

from sidestep.model.kinds import POD
from sidestep.sources.cluster import ClusterSource, cluster_access
from sidestep.sources.cluster.client import ApiClient, Get
from sidestep.sources.cluster.listing import PAGE

POSTERS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pods", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    kubectl = server_binary("kubectl")
    with tempfile.TemporaryDirectory() as folder, api_server(Path(folder)) as server:
        count = fill(server, given.pods)
        config = server.admin()
        sides = {
            "raw pages": lambda: raw(config),
            "sidestep": lambda: whole(config),
            "kubectl": lambda: listed(kubectl, config),
        }
        taken: dict[str, list[float]] = {name: [] for name in sides}
        for number in range(given.rounds + 1):
            for name, side in sides.items():
                start = time.perf_counter()
                side()
                if number:
                    taken[name].append(time.perf_counter() - start)
        show(count, {name: median(times) for name, times in taken.items()})


def show(count: int, seconds: dict[str, float]) -> None:
    print("| side | median s | ratio to raw |\n| --- | ---: | ---: |")
    for name, value in seconds.items():
        print(f"| {name} ({count:,} pods) | {value:.2f} | {value / seconds['raw pages']:.2f} |")


def raw(config: str) -> int:
    """The same pages by the same client, one after the other, and nothing done with them but finding the next."""
    client = ApiClient(cluster_access(config, None, 60))
    token, size = "", 0
    while True:
        params = (("limit", str(PAGE)), *((("continue", token),) if token else ()))
        body = client.get(Get("/api/v1/pods", params))
        size += len(body)
        head = body[:4096].decode(errors="replace")
        token = head.partition('"continue":"')[2].partition('"')[0]
        if not token:
            client.close()
            return size


def whole(config: str) -> int:
    """Everything that an audit reads: all kinds, typed."""
    return len(ClusterSource(cluster_access(config, None, 60)).read().pods)


def listed(kubectl: Path, config: str) -> None:
    command = [str(kubectl), "--kubeconfig", config, "get", POD.plural, "-A", "-o", "json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, "HOME": "/nonexistent"})


def fill(server: ApiServer, wanted: int) -> int:
    """Post pods, in as many namespaces as they name; the API server fills in what it always does."""
    pods = next(
        texts for kind, texts in objects(build(Config(max(wanted // 30, 3), wanted, oddities=False))) if kind == "Pod"
    )
    trees = [json.loads(text) for text in pods[:wanted]]
    for namespace in sorted({tree["metadata"]["namespace"] for tree in trees} - {"default", "kube-system"}):
        server.send("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    server.send("GET", "/version")
    print(f"posting {len(trees):,} pods …", file=sys.stderr, flush=True)
    with ThreadPoolExecutor(POSTERS) as executor:
        list(executor.map(lambda number: post(server, trees[number::POSTERS]), range(POSTERS)))
    return len(trees)


def post(server: ApiServer, trees: list[dict]) -> None:
    """Over one connection."""
    context = ssl.create_default_context(cadata=server.authority.pem().decode())
    context.load_cert_chain(server.folder / "admin.crt", server.folder / "admin.key")
    where = urlsplit(server.url)
    connection = http.client.HTTPSConnection(where.hostname or "", where.port, context=context, timeout=60)
    for tree in trees:
        metadata = {key: value for key, value in tree["metadata"].items() if key not in ("uid", "resourceVersion")}
        body = json.dumps({**tree, "metadata": metadata}).encode()
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods"
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        told = answer.read()
        if answer.status not in (201, 409):
            raise SystemExit(told.decode())
    connection.close()


if __name__ == "__main__":
    main()
