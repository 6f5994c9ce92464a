"""A plan carried out in a real lab: ours loses and admits nothing on the way there and back, and the naive ones do."""

import json

import pytest
from tests.support.lab_command import shell
from tests.support.labs import ambient, eventually, lab, workload

from sidestep.errors import WorldError
from sidestep.lab.api import messages as api
from sidestep.rehearse.faults import Fault, strike

pytestmark = pytest.mark.real

SHORT = ("--baseline", "3s", "--gate-window", "2s", "--rate", "20", "--replicas", "2", "-o", "json", "-q")


def rehearsed(*more):
    with shell() as user:
        done = user.run("--from", "docs/examples/shop.yaml", *SHORT, *more, verb="rehearse")
        assert done.stdout, done.stderr
        assert user.left() == []
    return done.returncode, json.loads(done.stdout)


def wrong(told, what):
    return {each["request"] for each in told["wrong"] if each["what"] == what}


BROKEN = {
    "certificates@1": "the intermediate certificate is exchanged", "control-plane@1": "the control plane runs 10%",
    "node-proxy@2": "envoy/node-2 is killed", "waypoint@2": "is killed",
}  # fmt: skip


def test_the_plan_of_the_shop_loses_and_admits_nothing_but_what_broken_proxies_were_passing_on():
    _, told = rehearsed(*(word for each in BROKEN for word in ("--inject", each)))
    assert (told["ended"], told["takenBack"]) == ("completed", "reversed")
    assert told["total"]["admitted"] == 0
    assert told["total"]["sent"] > 200
    assert told["total"]["probed"] > 30
    # On a machine that does other things, too, an answer may come too late; and what a proxy that is killed was just
    # passing on is gone. Nothing may be refused.
    faults = {f"{each['fault']}@{each['wave']}": each for each in told["faults"]}
    assert faults.keys() == BROKEN.keys()
    assert all(words in faults[name]["told"] for name, words in BROKEN.items()), faults
    killed = [each["at"] for name, each in faults.items() if name.endswith("@2")]
    found = {(each["how"], min(killed) - 1 <= each["at"] <= max(killed) + 15) for each in told["wrong"]}
    assert not [how for how, near in found if how != "timeout" and not near]
    assert not [how for how, _ in found if how in {"http-403", "grpc-7"}]
    assert [each["failed"] for each in told["parts"] if each["failed"]] == []
    assert [each["foretold"] for each in told["parts"] if each["foretold"]] == []
    assert sorted({each["wave"] for each in told["parts"] if each["wave"] is not None}) == [0, 1, 2, 3]
    assert (told["before"]["sidecar"]["processes"], told["after"]["waypoint"]["processes"]) == (6, 2)
    assert [each["name"] for each in told["phases"]] == ["before", "during", "after", "back", "taken back"]
    assert told["starts"].keys() >= {"ambient", "sidecar", "gateway"}
    assert {each["name"] for each in told["gates"] if each["wave"] == 2} >= {
        "error-rate",
        "latency-p99",
        "restarts",
        "probes",
    }
    assert {each["answer"] for each in told["gates"] if each["name"] == "probes"} <= {"holds", "not-yet"}


DELETES = {f"shop/{client} to shop/orders:80, DELETE /" for client in ("web", "orders", "stock")}
GETS = {f"shop/{client} to shop/orders:80, GET /" for client in ("web", "stock")}


@pytest.mark.parametrize(
    ("plan", "what", "among"),
    [("labels", "admitted", DELETES), ("policies-first", "admitted", DELETES), ("late-waypoint", "lost", GETS)],
)
def test_what_people_do_without_a_plan_fails_and_the_report_says_which_requests(plan, what, among):
    code, told = rehearsed("--plan", plan, "--no-rollback")
    assert code == 2
    assert wrong(told, what) & among
    assert {name for each in told["parts"] for name in each["foretold"]} & among


def test_a_node_is_lost_with_its_pods_and_what_is_not_there_cannot_be_broken():
    with lab(ambient("shop"), *workload("web", replicas=2)) as made:
        assert "node node-2 is lost" in strike(made.client, Fault.NODE)
        assert [each["metadata"]["name"] for each in made.client.ask(api.List("nodes"))] == ["node-1"]

        def moved():
            pods = made.client.ask(api.List("pods", "shop"))
            return made.client.ask(api.Status())["ready"] == 2 and {each["spec"]["nodeName"] for each in pods} == {
                "node-1"
            }

        assert eventually(moved, 60)
        with pytest.raises(WorldError, match="no waypoint runs"):
            strike(made.client, Fault.WAYPOINT)
