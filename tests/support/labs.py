"""Whole labs for tests, brought up by the tests' own user."""

import itertools
import os
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from tests.support.lab import environment, launched

from sidestep.lab.api import messages as api
from sidestep.lab.lab import Lab, nodes

_numbers = itertools.count()
_HOOK = {"preStop": {"sleep": {"seconds": 1}}}
"""Without a moment between leaving its endpoints and its end, a pod loses requests in any cluster; the moment must be
longer than a busy machine needs to tell proxies."""
AMBIENT = {"istio.io/dataplane-mode": "ambient"}


@contextmanager
def lab(*objects: dict[str, Any], node_count: int = 2, zones: int = 1, **settings: Any):
    """A lab with these objects, up and ready; skipped by name where a machine cannot have one."""
    launched([])
    os.environ["LD_LIBRARY_PATH"] = environment()["LD_LIBRARY_PATH"]
    name = f"test-{os.getpid()}-{next(_numbers)}"
    with Lab(objects, name=name, nodes=nodes(node_count, zones), **settings) as made:
        yield made


def namespace(name: str, **labels: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def ambient(name: str) -> dict[str, Any]:
    return namespace(name, **AMBIENT)


def workload(
    name: str, space: str = "shop", *, replicas: int = 1, port: int = 8080, **pod: Any
) -> list[dict[str, Any]]:
    """A Deployment and its Service at port 80, with an account of its own."""
    annotations = pod.pop("annotations", {})
    template = {
        "metadata": {"labels": {"app": name}, "annotations": annotations},
        "spec": {
            "serviceAccountName": name,
            "terminationGracePeriodSeconds": 2,
            "containers": [{"name": "main", "image": "any", "ports": [{"containerPort": port}], "lifecycle": _HOOK}],
            **pod,
        },
    }
    meta = {"name": name, "namespace": space}
    deployment = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    service = {"selector": {"app": name}, "ports": [{"name": "http", "port": 80, "targetPort": port}]}
    return [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": deployment},
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": service},
    ]


def eventually(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether something becomes true within a bound that no healthy lab needs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False


@contextmanager
def under_load(made: Lab, client: str, url: str, seconds: float, *, server: str = "", host: str = ""):
    """While a load runs that has begun, as the only pod of its server tells; its result is complete afterwards.

    What others ask of that pod shortly before is taken for the load, unless that asks for a path of its own.
    """
    result: dict[str, Any] = {}
    name, _, space = (urlsplit(url).hostname or "").partition(".")
    server = server or f"{space}/{name}"

    def answered() -> int:
        return sum(urlsplit(url).path in line for line in made.client.ask(api.Logs(server, lines=10_000)))

    before = answered()
    headers = {"host": host} if host else {}
    request = api.Load(client, url, rate=100, connections=4, seconds=seconds, headers=headers)
    thread = threading.Thread(target=lambda: result.update(made.client.ask(request)))
    thread.start()
    assert eventually(lambda: answered() > before, 30)
    yield result
    thread.join()
