"""Faults in the whole lab, each under load of new connections whose every request is counted."""

import itertools
import os
import signal
import threading
from pathlib import Path
from typing import Self

import pytest
from tests.support.lab_command import command_line
from tests.support.labs import AMBIENT, ambient, eventually, lab, under_load, workload

from sidestep.errors import WorldError
from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real
RATE = 150.0
DRAIN = 2
_STRIKES = 8
_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def shop():
    with lab(ambient("shop"), *workload("web"), *workload("cart", replicas=2), *workload("one"), drain=DRAIN) as made:
        assert made.call("shop/web", "http://cart/")[0].ok
        yield made


class Load:
    """New connections by the clock for as long as something happens."""

    def __init__(self, made, url="http://cart/", client="shop/web", *, fresh=True, seconds=0.5, connections=16) -> None:
        self._asked = (made, api.Load(client, url, RATE, seconds, connections, fresh))
        self._over = threading.Event()
        self.parts: list[dict] = []

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert eventually(lambda: bool(self.parts))
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        made, asked = self._asked
        while not self._over.is_set():
            self.parts.append(made.client.ask(asked))

    @property
    def sent(self) -> int:
        return sum(each["sent"] for each in self.parts)

    @property
    def failures(self) -> dict[str, int]:
        met: dict[str, int] = {}
        for part in self.parts:
            for kind, number in part["failures"].items():
                met[kind] = met.get(kind, 0) + number
        return met

    @property
    def pods(self) -> set[str]:
        return {pod for part in self.parts for pod in part["pods"]}


def pod(made, app):
    every = made.client.ask(api.List("pods", "shop"))
    return next(each for each in every if each["metadata"]["labels"]["app"] == app)


def proxy_of(made, app):
    return f"envoy/{pod(made, app)['spec']['nodeName']}"


@pytest.mark.parametrize("app", ["web", "cart"])
def test_a_proxy_is_replaced_and_no_new_connection_fails(shop, app):
    """The client's, then a server's, in the same lab."""
    name = proxy_of(shop, app)
    before = {each["name"]: each["pid"] for each in shop.client.ask(api.Top(0.01))}
    with Load(shop) as load:
        for _ in range(_STRIKES):  # until load began and ended meanwhile
            parts = len(load.parts)
            assert shop.client.ask(api.Fault(name, "replace"))["what"] == "replaced"
            if len(load.parts) > parts + 1:
                break
        after = {each["name"]: each["pid"] for each in shop.client.ask(api.Top(0.01))}
    assert before.keys() == after.keys()
    assert before[name] != after[name]
    assert load.failures == {}
    assert len(load.parts) > parts + 1
    assert all(each["right"] for each in shop.client.ask(api.Verify()))


@pytest.mark.parametrize("what", ["intermediate", "root"])
def test_certificates_are_exchanged_and_no_request_fails(shop, what):
    before = certificates(shop)
    with Load(shop) as load, Load(shop, fresh=False) as kept:
        assert shop.client.ask(api.Rotate(what))["what"] == "rotated"
    assert load.failures == kept.failures == {}
    after = certificates(shop)
    assert before.keys() == after.keys()
    assert not set(before.values()) & set(after.values())


def certificates(made):
    return {
        (each["node"], each["purpose"], each["identity"]): each["serial"]
        for each in made.client.ask(api.Certificates())
    }


def test_without_its_control_plane_no_connection_fails(shop):
    with Load(shop) as load:
        shop.client.ask(api.Fault("controlplane", "stop"))
        sent = load.sent
        assert eventually(lambda: load.sent >= sent + RATE)
        shop.client.ask(api.Fault("controlplane", "kill"))
        shop.settle()
    assert load.failures == {}


def test_a_killed_proxy_costs_its_own_pods_connections_only_until_it_is_back(shop):
    name = proxy_of(shop, "web")
    with Load(shop) as load:

        def struck() -> bool:
            """Load pauses between its parts, and may miss a proxy that is back soon: so often as it takes."""
            parts = len(load.parts)
            shop.client.ask(api.Fault(name, "kill"))
            shop.settle()
            assert eventually(lambda: len(load.parts) > parts)
            return bool(load.failures)

        assert eventually(struck, 120)
        assert eventually(lambda: load.parts[-1]["failures"] == {})
    assert set(load.failures) <= {"refused", "reset", "closed", "timeout"}


def test_pods_that_come_and_go_are_never_mistaken_for_another(shop):
    """Addresses are given again at once; whoever answers to cart's name is cart."""
    shop.apply(*workload("other"))
    shop.settle()
    with Load(shop) as load:
        for app in ("cart", "other", "cart"):
            shop.client.ask(api.Restart("deployments.apps", "shop", app))
            shop.settle()
    assert load.failures == {}
    assert {each.rpartition("/")[2].partition("-")[0] for each in load.pods} == {"cart"}
    assert len(load.pods) >= 4


def test_kept_connections_are_cut_by_a_policy_that_changes_and_not_by_one_that_is_listed_anew(shop):
    def deny(account):
        rules = [{"from": [{"source": {"principals": [f"cluster.local/ns/shop/sa/{account}"]}}]}]
        return {
            "apiVersion": "security.istio.io/v1",
            "kind": "AuthorizationPolicy",
            "metadata": {"name": "deny", "namespace": "shop"},
            "spec": {"action": "DENY", "rules": rules, "selector": {"matchLabels": {"app": "one"}}},
        }

    def answered():
        return shop.call("shop/web", "http://one/")[0].ok

    def held(before):
        """What becomes of kept connections' requests when the policy comes to refuse them, from a state on."""
        for seconds in (2.0, 5.0, 15.0):  # until the policy holds before the load is over
            before()
            assert eventually(answered)
            with under_load(shop, "shop/web", f"http://one.shop/held/{next(_NUMBERS)}", seconds) as result:
                shop.apply(deny("web"))
                assert eventually(lambda: not answered(), 30)
                in_time = not result
            if in_time:
                return result
        raise AssertionError("the load was over before the policy held")

    try:
        anew = held(lambda: shop.client.ask(api.Delete([deny("web")])))
        changed = held(lambda: shop.apply(deny("nobody")))
    finally:
        shop.client.ask(api.Delete([deny("web")]))
        shop.settle()
    assert (anew["failures"], anew["ok"]) == ({}, anew["sent"])
    assert changed["ok"]
    assert changed["failures"]


def test_a_lost_node_takes_its_pods_along_and_others_come_in_their_place():
    with lab(ambient("shop"), *workload("cart", replicas=2), *workload("web"), node_count=3) as made:
        lost = next(
            each["spec"]["nodeName"]
            for each in made.client.ask(api.List("pods", "shop"))
            if each["metadata"]["labels"]["app"] == "cart"
            and each["spec"]["nodeName"] != pod(made, "web")["spec"]["nodeName"]
        )
        with Load(made) as load:
            made.client.ask(api.Fault(f"node/{lost}", "lose"))
            made.settle()
            assert eventually(lambda: load.parts[-1]["failures"] == {})
        nodes = {each["spec"]["nodeName"] for each in made.client.ask(api.List("pods", "shop"))}
        assert lost not in nodes
        assert {each.rpartition("/")[2].partition("-")[0] for each in load.pods} == {"cart"}
        assert len(load.pods) == 3
        assert made.client.ask(api.Status())["ready"] == 3


def test_certificates_of_a_wrong_clock_open_no_tunnel_and_those_of_a_right_one_do():
    with lab(ambient("shop"), *workload("cart"), *workload("web"), node_count=2) as made:
        assert made.call("shop/web", "http://cart/")[0].ok
        for app, hours in (("cart", 48), ("cart", -48), ("web", 48), ("web", -48)):
            name = proxy_of(made, app)
            made.client.ask(api.Fault(name, "skew", hours * 3600))
            assert eventually(lambda: not answered_anew(made)), (app, hours)
            made.client.ask(api.Fault(name, "skew"))
            assert eventually(lambda: answered_anew(made)), (app, hours)


def answered_anew(made):
    """Whether a client that has no tunnel yet is answered: those that are open stay open whatever a clock says."""
    made.client.ask(api.Restart("deployments.apps", "shop", "web"))
    made.settle()
    return made.call("shop/web", "http://cart/")[0].ok


def test_names_are_answered_after_the_node_is_lost_that_answered_them():
    with lab(*workload("cart"), *workload("web"), node_count=2) as made:
        made.client.ask(api.Fault("node/node-1", "lose"))
        made.settle()
        assert all(each.ok for each in made.call("shop/web", "http://cart/", 5))
        made.client.ask(api.Label("namespaces", "", "shop", AMBIENT))
        made.settle()
        assert all(each.ok for each in made.call("shop/web", "http://cart/", 5))
        assert [each["metadata"]["name"] for each in made.client.ask(api.List("nodes"))] == ["node-2"]
        with pytest.raises(WorldError, match="the only node"):
            made.client.ask(api.Fault("node/node-2", "lose"))


def test_all_parts_may_be_killed_at_once_and_each_comes_back():
    """The wire between zones, the control plane, agents and what forks them, proxies."""
    with lab(ambient("shop"), *workload("web"), *workload("cart"), zones=2, delay=0.001) as made:
        parts = {each["name"] for each in made.client.ask(api.Top(0.01))}
        assert {name.partition("/")[0] for name in parts} == {"wire", "controlplane", "agent", "envoy"}
        os.kill(nursery(made), signal.SIGKILL)
        for name in parts:
            made.client.ask(api.Fault(name, "kill"))
        assert eventually(lambda: {each["name"] for each in made.client.ask(api.Top(0.01)) if each["restarts"]} == parts)  # fmt: skip
        made.settle()
        assert eventually(lambda: made.call("shop/web", "http://cart/")[0].ok)
        assert all(each["right"] for each in made.client.ask(api.Verify()))


def nursery(made):
    """The process that forks agents: the oldest of its name among the children of the lab's first."""
    machine = made.client.machine()
    children = map(int, Path(f"/proc/{machine}/task/{machine}/children").read_text().split())
    return min(each for each in children if "agent.nursery" in command_line(each))
