"""Load that lasts: whichever pods a workload has send it, and restarts of either end lose none of it."""

import time

import pytest
from tests.support.labs import eventually, lab, namespace, workload

from sidestep.lab.agent.messages import LATENESS
from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real

EDGE = api.Edge("web to cart", "shop/Deployment/web", "http://cart/", 50)


_TOLD_BY_THEN = 5
"""Seconds after which all that was sent has been told of."""


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

    def steady():
        """Three seconds one after the other in which it went as it should; a machine may be busy before."""
        rows = [row for row in made.client.ask(api.Driven(since)) if row["edge"] == EDGE.name]
        right = [abs(row["sent"] - 50) <= 2 and row["ok"] == row["sent"] for row in rows]
        return any(all(right[at : at + 3]) for at in range(len(right) - 2))

    assert eventually(steady, 60)
    sent, ok, _ = total(made, since)
    assert ok <= sent <= 50 * (time.time() + 2 - since)


def test_how_late_requests_are_begun_is_told_of_each(made):
    made.client.ask(api.Drive([EDGE]))
    since = second_from_now()
    assert eventually(lambda: total(made, since)[0] >= 100)
    assert total(made, since, LATENESS)[0] >= 100


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
    assert total(made)[0] > 0
    made.client.ask(api.Drive([]))
    assert eventually(lambda: total(made, int(time.time()) - _TOLD_BY_THEN)[0] == 0, 60)
