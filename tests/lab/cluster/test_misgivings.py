"""What is done otherwise than it is written is named by object and field; what is done as written is not."""

import pytest
from tests.support.labs import ambient, workload

from sidestep.lab.cluster.controllers.replica_sets import MOST_REPLICAS
from sidestep.lab.cluster.misgivings import misgivings
from sidestep.report.lab.tables import misgiving_lines


def policy(spec, kind="AuthorizationPolicy"):
    meta = {"name": "one", "namespace": "shop"}
    return {"apiVersion": "security.istio.io/v1", "kind": kind, "metadata": meta, "spec": spec}


@pytest.mark.parametrize(
    ("tree", "field"),
    [
        (policy({"rules": [{"from": [{"source": {"principals": "x"}}]}]}), "rules[0].from[0].source.principals"),
        (policy({"action": "MAYBE"}), "action: 'MAYBE'"),
        (policy([1]), "$.spec"),
        (policy({"mtls": {"mode": "SOMETIMES"}}, "PeerAuthentication"), "mtls.mode"),
    ],
)
def test_a_policy_that_cannot_be_read_is_said_to_be_enforced_by_nobody(tree, field):
    (told,) = misgivings([tree])
    assert told.startswith(f"{tree['kind']} shop/one: it cannot be read, and nobody enforces it")
    assert field in told


def test_more_replicas_than_the_lab_runs_are_said():
    (told,) = misgivings(workload("web", replicas=MOST_REPLICAS + 1))
    assert told.startswith("Deployment shop/web: spec.replicas asks for 2,001 pods")


def test_what_is_done_as_it_is_written_is_not_named():
    read = [policy({}), policy({"mtls": {"mode": "STRICT"}}, "PeerAuthentication"), ambient("shop")]
    assert misgivings([*read, *workload("web", replicas=MOST_REPLICAS)]) == []


def test_of_many_a_few_are_shown():
    lines = misgiving_lines([f"Pod a/{number}: why" for number in range(30)])
    assert lines[0] == "  note: Pod a/0: why"
    assert lines[-1].startswith("  note: and 10 more")
    assert len(misgiving_lines(["one"])) == 1
