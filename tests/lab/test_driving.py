"""Load that lasts: whichever pods a workload has send it, and restarts of either end lose none of it."""

import time

import pytest
from tests.support.labs import eventually, lab, namespace, workload

from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real

EDGE = api.Edge("web to cart", "shop/Deployment/web", "http://cart/", 50)


@pytest.fixture(scope="module")
def made():
    objects = [namespace("shop"), *workload("web", replicas=2), *workload("cart", replicas=2)]
    with lab(*objects) as up:
        yield up


def total(made, since=0, name=EDGE.name):
    rows = [row for row in made.client.ask(api.Driven(since)) if row["edge"] == name]
    sent, ok = sum(row["sent"] for row in rows), sum(row["ok"] for row in rows)
    return sent, ok, [each for row in rows for each in row["examples"]]


def second_from_now():
    time.sleep(1.1)
    return int(time.time())


def test_it_goes_at_its_rate_from_all_pods_together(made):
    made.client.ask(api.Drive([EDGE]))
    since = second_from_now()
    assert eventually(lambda: total(made, since)[0] >= 150)
    rows = [row for row in made.client.ask(api.Driven(since)) if row["second"] < time.time() - 3]
    assert all(abs(row["sent"] - 50) <= 2 for row in rows[1:])
    assert all(row["ok"] == row["sent"] for row in rows)


@pytest.mark.parametrize("name", ["cart", "web"])
def test_restarts_of_either_end_lose_nothing(made, name):
    made.client.ask(api.Drive([EDGE]))
    since = second_from_now()
    made.client.ask(api.Restart("deployments.apps", "shop", name))
    made.settle()
    assert eventually(lambda: total(made, since)[0] >= 100)
    sent, ok, examples = total(made, since)
    assert examples == []
    assert sent == ok


def test_failures_are_told_with_their_moment(made):
    edge = api.Edge("nowhere", "shop/Deployment/web", "http://cart/status/503", 10)
    made.client.ask(api.Drive([edge]))
    assert eventually(lambda: total(made, name="nowhere")[0] >= 10)
    _, ok, examples = total(made, name="nowhere")
    assert ok == 0
    assert examples[0]["outcome"]["kind"] == "http-503"
    assert abs(examples[0]["at"] - time.time()) < 60


def test_no_edges_end_it(made):
    made.client.ask(api.Drive([EDGE]))
    second_from_now()
    made.client.ask(api.Drive([]))
    time.sleep(1.5)
    assert total(made, int(time.time()))[0] == 0
