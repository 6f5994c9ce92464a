"""Waypoints that are killed, slow, too large for their memory, scaled and drained, each under load: requests are counted.

Whatever becomes of a waypoint, what its policy refuses is never let in.
"""

import threading

import pytest
from tests.support.labs import ambient, eventually, lab, workload

from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real

BOUND = {"istio.io/use-waypoint": "waypoint"}
WAYPOINT = "waypoint/shop/waypoint"
DRAINED_IN_NO_TIME = {"proxy.istio.io/config": '{"terminationDrainDuration": "0s"}'}
NO_DELETE = {
    "apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": {"name": "no", "namespace": "shop"},
    "spec": {"targetRefs": [{"group": "", "kind": "Service", "name": "cart"}], "action": "DENY", "rules": [{"to": [{"operation": {"methods": ["DELETE"]}}]}]},
}  # fmt: skip
MEBIBYTE = 2**20


def gateway(**annotations):
    spec = {"gatewayClassName": "istio-waypoint", "listeners": [{"name": "mesh", "port": 15008, "protocol": "HBONE"}]}
    if annotations:
        spec["infrastructure"] = {"annotations": annotations}
    meta = {"name": "waypoint", "namespace": "shop"}
    return {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": meta, "spec": spec}


@pytest.fixture(scope="module")
def shop():
    deployment, service = workload("cart")
    service["metadata"] = {**service["metadata"], "labels": BOUND}
    with lab(ambient("shop"), gateway(), NO_DELETE, *workload("web"), deployment, service) as made:
        assert eventually(lambda: _delete(made).code == 403)
        yield made


def _delete(made):
    return made.call("shop/web", "http://cart/", method="DELETE")[0]


class Loads:
    """What is answered and what is refused, asked over and over for as long as something happens to the waypoint."""

    def __init__(self, made, *, fresh=True):
        self._made, self._fresh, self._over = made, fresh, threading.Event()
        self.parts, self.refused = [], []

    def __enter__(self):
        self._threads = [threading.Thread(target=each) for each in (self._load, self._probe)]
        for each in self._threads:
            each.start()
        assert eventually(lambda: bool(self.parts and self.refused), 30)
        return self

    def __exit__(self, *_):
        self._over.set()
        for each in self._threads:
            each.join()

    def _load(self):
        while not self._over.is_set():
            asked = api.Load("shop/web", "http://cart/", rate=60, seconds=0.5, connections=8, fresh=self._fresh)
            self.parts.append(self._made.client.ask(asked))

    def _probe(self):
        while not self._over.is_set():
            self.refused.append(_delete(self._made))

    def more(self, number=2):
        """Whether so many more parts come that began from now on."""
        before = len(self.parts)
        return eventually(lambda: len(self.parts) > before + number, 60)

    @property
    def failed(self):
        return sum(each["sent"] - each["ok"] for each in self.parts)

    @property
    def admitted(self):
        return [each for each in self.refused if each.ok]


def fault(made, how, **more):
    made.client.ask(api.Fault(WAYPOINT, how, **more))


def restarts(made):
    return sum(each["restarts"] for each in made.client.ask(api.Top(0.01)) if each["role"] == "waypoint")


def test_a_killed_waypoint_comes_back_and_lets_nobody_in_meanwhile(shop):
    before = restarts(shop)
    with Loads(shop) as loads:
        fault(shop, "kill")
        assert eventually(lambda: restarts(shop) > before, 30)
        shop.settle()
        assert loads.more()
        assert eventually(lambda: loads.parts[-1]["failures"] == {}, 60)
    assert loads.admitted == []


def test_a_slow_waypoint_answers_late_and_loses_nothing(shop):
    with Loads(shop) as loads:
        fault(shop, "slow", share=0.2)
        assert loads.more()
        fault(shop, "slow")
        assert loads.more()
    assert loads.failed == 0
    assert loads.admitted == []


def test_a_waypoint_over_its_memory_is_killed_again_and_again_and_the_status_says_so(shop):
    before = restarts(shop)
    with Loads(shop) as loads:
        fault(shop, "limit", memory=MEBIBYTE)
        assert eventually(lambda: restarts(shop) >= before + 2, 60)
        assert loads.more()
        assert any("its limit of 1 MiB" in each for each in shop.client.ask(api.Status())["said"])
        fault(shop, "limit")
        shop.settle()
        assert eventually(lambda: loads.parts[-1]["failures"] == {}, 60)
    assert loads.failed
    assert loads.admitted == []


def scale(made, replicas):
    made.client.ask(api.Scale("deployments.apps", "shop", "waypoint", replicas))


def test_a_waypoint_is_scaled_out_and_in_and_no_request_is_lost(shop):
    with Loads(shop) as new, Loads(shop, fresh=False) as kept:
        for replicas in (3, 1):
            scale(shop, replicas)
            shop.settle()
            assert new.more(1)
            assert kept.more(1)
    assert (new.failed, kept.failed) == (0, 0)
    assert new.admitted + kept.admitted == []


@pytest.mark.parametrize("what", ["intermediate", "root"])
def test_certificates_are_exchanged_under_it_and_no_request_is_lost(shop, what):
    with Loads(shop) as new, Loads(shop, fresh=False) as kept:
        shop.client.ask(api.Rotate(what))
        assert new.more(1)
        assert kept.more(1)
    assert (new.failed, kept.failed) == (0, 0)
    assert new.admitted + kept.admitted == []


def test_without_its_control_plane_a_waypoint_goes_on_and_refuses_what_it_refused(shop):
    with Loads(shop) as new, Loads(shop, fresh=False) as kept:
        shop.client.ask(api.Fault("controlplane", "stop"))
        assert new.more(1)
        assert kept.more(1)
        shop.client.ask(api.Fault("controlplane", "kill"))
        shop.settle()
        assert new.more(1)
    assert (new.failed, kept.failed) == (0, 0)
    assert new.admitted + kept.admitted == []


def test_a_waypoint_is_exchanged_pod_by_pod_and_no_request_is_lost(shop):
    with Loads(shop) as new, Loads(shop, fresh=False) as kept:
        shop.client.ask(api.Restart("deployments.apps", "shop", "waypoint"))
        shop.settle()
        assert new.more(1)
        assert kept.more(1)
    assert (new.failed, kept.failed) == (0, 0)
    assert new.admitted + kept.admitted == []


def lost_when_scaled_in(made):
    """What became of requests that take a second, when one of two waypoints goes that carry them."""
    scale(made, 2)
    made.settle()
    result = {}
    asked = api.Load("shop/web", "http://cart/delay/1", rate=10, seconds=5.0, connections=60, fresh=True)
    before = len(made.client.ask(api.Logs("shop/cart", 10_000)))
    load = threading.Thread(target=lambda: result.update(made.client.ask(asked)))
    load.start()
    assert eventually(lambda: len(made.client.ask(api.Logs("shop/cart", 10_000))) > before, 30)
    scale(made, 1)
    load.join()
    made.settle()
    return result["sent"] - result["ok"]


def test_a_waypoint_without_time_to_drain_cuts_what_it_carries_and_with_it_nothing(shop):
    """The pitfall of rolling updates, and what mends it."""
    shop.apply(gateway(**DRAINED_IN_NO_TIME))
    shop.settle()
    assert lost_when_scaled_in(shop) > 0
    shop.apply(gateway())
    shop.settle()
    assert lost_when_scaled_in(shop) == 0
