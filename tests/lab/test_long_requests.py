"""What becomes of a request that takes longer than its server's sidecar drains."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.labs import eventually, lab, namespace, workload

from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real

SHORT = {"terminationDrainDuration": "1s"}
EMPTY = {"EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "true", "MINIMUM_DRAIN_DURATION": "1s"}


def server(name, **config):
    """It asks `mark` as soon as it is asked, and takes its time then."""
    annotations = {
        "sidecar.istio.io/nativeSidecar": "false",
        "proxy.istio.io/config": json.dumps(config),
        "sidestep.dev/calls": f"http://mark/{name}, http://slow/delay/4",
    }
    deployment, service = workload(name, annotations=annotations, terminationGracePeriodSeconds=20)
    del deployment["spec"]["template"]["spec"]["containers"][0]["lifecycle"]
    return [deployment, service]


def test_it_is_cut_unless_the_sidecar_waits_until_nobody_is_connected():
    servers = [*server("cut", **SHORT), *server("whole", **SHORT, proxyMetadata=EMPTY)]
    space = namespace("shop", **{"istio-injection": "enabled"})
    others = [each for name in ("web", "mark", "slow") for each in workload(name)]
    with lab(space, *others, *servers) as made, ThreadPoolExecutor() as threads:
        asked = {name: threads.submit(made.call, "shop/web", f"http://{name}/") for name in ("cut", "whole")}
        marked = lambda: "\n".join(map(str, made.client.ask(api.Logs("shop/mark"))))  # noqa: E731
        assert eventually(lambda: all(f"GET /{name} " in marked() for name in asked))
        for name in asked:
            made.client.ask(api.Restart("deployments.apps", "shop", name))
        kinds = {name: each.result()[0].kind for name, each in asked.items()}
    assert kinds["whole"] == "ok"
    assert kinds["cut"] != "ok"
