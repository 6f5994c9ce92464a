"""Whoever is connected to a pod that goes away hears of it, however late its node's proxy is."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.labs import ambient, eventually, lab, workload

from sidestep.lab.api import messages as api
from sidestep.lab.machine.control_plane import PROXY
from sidestep.model.kinds import POD
from sidestep.rehearse.looks import Taken, connections

pytestmark = pytest.mark.real
LONG = 25.0
"""Seconds after which the client gives up; after half a minute the kernel's own probes find out that nobody is there."""


@pytest.fixture(scope="module")
def shop():
    apart = ({"nodeSelector": {"kubernetes.io/hostname": f"node-{number}"}} for number in (1, 2))
    with lab(ambient("shop"), *workload("web", **next(apart)), *workload("cart", **next(apart))) as made:
        yield made


def open_to_cart(made):
    found = connections(made.client.ask(api.Metrics())).get(("shop", "cart"), Taken())
    return found.opened > found.closed


def test_a_client_whose_server_goes_while_its_nodes_proxy_sleeps_is_reset(shop):
    (cart,) = (pod for pod in shop.client.ask(api.List(POD.key, "shop")) if pod["metadata"]["name"].startswith("cart"))
    proxy = f"{PROXY}/{cart['spec']['nodeName']}"
    asked = api.Call("shop/web", "http://cart/delay/60", timeout=LONG)
    with ThreadPoolExecutor(1) as executor:
        answer = executor.submit(shop.client.ask, asked)
        assert eventually(lambda: open_to_cart(shop))
        shop.client.ask(api.Fault(proxy, "stop"))
        try:
            shop.client.ask(api.Delete([cart]))
            uid = cart["metadata"]["uid"]
            assert eventually(
                lambda: uid not in {pod["metadata"]["uid"] for pod in shop.client.ask(api.List(POD.key, "shop"))}
            )
            (outcome,) = answer.result()
        finally:
            shop.client.ask(api.Fault(proxy, "continue"))
    assert not outcome["ok"]
    assert outcome["kind"] != "timeout"
