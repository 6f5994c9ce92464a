"""Steps as command lines."""

import shlex
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import sample_plans as plans

from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.steps import (
    Apply,
    Comparison,
    Delete,
    Gate,
    Patch,
    Probe,
    Restart,
    SetLabels,
    Wait,
    WaitFor,
)
from sidestep.report.plan.kubectl import Shell

GATEWAY = ObjectId("gateway.networking.k8s.io/v1", "Gateway", "shop", "waypoint")
ISTIO_GATEWAY = ObjectId("networking.istio.io/v1", "Gateway", "shop", "edge")
SOMETHING = ObjectId("example.test/v1", "Thing", "shop", "x")
SHELL = Shell(plans.plan())


def lines(effect, path="waves/01/x.yaml"):
    return SHELL.lines(effect, path)


@pytest.mark.parametrize(
    ("effect", "expected"),
    [
        (SetLabels(plans.SHOP, {}, {}), "kubectl patch namespaces/shop --type merge --patch-file waves/01/x.yaml"),
        (
            Patch(ISTIO_GATEWAY, {}, {}),
            "kubectl patch gateways.networking.istio.io/edge --namespace shop --type merge --patch-file waves/01/x.yaml",
        ),
        (
            Apply(GATEWAY, {}),
            "kubectl apply --server-side --field-manager=sidestep --filename waves/01/x.yaml",
        ),
        (
            Apply(GATEWAY, {}, {}),
            "kubectl apply --server-side --field-manager=sidestep --force-conflicts --filename waves/01/x.yaml",
        ),
        (
            Delete(GATEWAY, {}),
            "kubectl delete gateways.gateway.networking.k8s.io/waypoint --namespace shop --ignore-not-found",
        ),
        (Delete(SOMETHING, {}), "kubectl delete Thing.v1.example.test/x --namespace shop --ignore-not-found"),
        (
            Wait(WaitFor.WAYPOINT_READY, "Gateway shop/waypoint", 60),
            "kubectl wait gateways.gateway.networking.k8s.io/waypoint --namespace shop --for=condition=Programmed --timeout=60s",
        ),
        (
            Wait(WaitFor.WAYPOINT_BOUND, "ServiceEntry shop/out", 60),
            "kubectl wait serviceentries.networking.istio.io/out --namespace shop --for=condition=istio.io/WaypointBound --timeout=60s",
        ),
        (
            Wait(WaitFor.DAEMONSETS_READY, "every node", 60),
            "# wait until daemonsets-ready: every node, 60 s at most",
        ),
        (
            Restart(plans.LEDGER, 2, effect_only=True),
            "kubectl rollout status statefulsets.apps/ledger --namespace bank --timeout=600s",
        ),
        (
            Restart(WorkloadRef("shop", "Job", "once"), 1),
            "# Job shop/once: runs to its end as it is; what is run anew takes the change",
        ),
        (
            Restart(WorkloadRef("shop", "CloneSet", "x"), 1),
            "# CloneSet shop/x: restart its pods by what made them",
        ),
    ],
)
def test_effects_as_commands(effect, expected):
    assert lines(effect) == (expected,)


def test_a_rollout_is_over_when_no_old_pod_serves_on():
    status, told, look = lines(Wait(WaitFor.ROLLED_OUT, "shop/cart", 60))
    assert status == "kubectl rollout status deployments.apps/cart --namespace shop --timeout=60s"
    assert told.startswith("# until no pod of cart has a time in LEAVING")
    assert "deletionTimestamp" in look


def test_a_restart_is_begun_and_waited_for():
    assert [line.split()[:3] for line in lines(Restart(plans.CART, 3))] == [
        ["kubectl", "rollout", "restart"],
        ["kubectl", "rollout", "status"],
    ]


def test_an_argo_rollout_is_restarted_by_its_own_field():
    begun, awaited = lines(Restart(WorkloadRef("shop", "Rollout", "x"), 3))
    assert "restartAt" in begun
    assert "jsonpath='{.status.phase}'=Healthy" in awaited
    assert len(lines(Restart(WorkloadRef("shop", "Rollout", "x"), 3, effect_only=True))) == 1


def test_a_probe_runs_in_the_pods_of_its_client():
    told, command = lines(Probe("bank/ledger", "cart.shop", 80, "GET", "/a b"))
    assert told == "# expect: allow"
    words = shlex.split(command)
    assert words[:5] == ["kubectl", "exec", "statefulsets.apps/ledger", "--namespace", "bank"]
    assert words[-1] == "http://cart.shop:80/a b"
    assert "telnet://db:5432" in lines(Probe("shop/x", "db", 5432))[1]


def test_a_gate_is_told_as_what_to_measure():
    query, bound = lines(Gate("p99", "rate(x[$window])", Comparison.NO_WORSE_THAN_BASELINE, 1.1, 600))
    assert query == "# over 10m: rate(x[10m])"
    assert bound == "# must be <= baseline * 1.1, with confidence 0.95"


def test_one_that_stops_nothing_says_so():
    _, bound = lines(Gate("old", "x", Comparison.AT_MOST, 0, 1800, stops=False))
    assert bound == "# should be <= 0, with confidence 0.95; go on when that time is over"


@given(st.text(min_size=1, max_size=30), st.text(min_size=1, max_size=30), st.sampled_from([*WaitFor]))
def test_no_name_is_more_than_a_word_to_the_shell(space, name, what):
    named, ref = ObjectId("v1", "Service", space, name), WorkloadRef(space, "Deployment", name)
    for effect in (
        SetLabels(named, {}, {}), Delete(named, {}), Restart(ref, 1), Probe(f"{space}/{name}", name, 1, name, name),
        Wait(what, f"{space}/{name}", 1), Gate(name, space, Comparison.AT_MOST, 1),
    ):  # fmt: skip
        for line in lines(effect):
            assert line.isprintable()
            if not line.startswith("# "):
                words = shlex.split(line)
                assert words[0] == "kubectl"
                assert not any(word in (";", "&", "|", "&&") for word in words if word not in (space, name))
                shell = shlex.shlex(line, posix=True, punctuation_chars=True)
                assert not {";", "|", "&", "&&", "||", "(", ")", "<", ">"} & _bare(line, shell)


def _bare(line, shell):
    """Words of a line that the shell would take for an operator: those that stand outside quotes."""
    shell.whitespace_split = False
    outside, quoted = [], False
    for letter in line:
        quoted ^= letter == "'"
        outside.append(" " if quoted or letter == "'" else letter)
    return set("".join(outside).split())


def test_every_step_of_a_plan_has_a_line():
    for plan in (plans.plan(), plans.nasty()):
        shell = Shell(plan)
        assert all(shell.lines(step.effect, "x.yaml") for step in plan.steps)
        assert all(one.id != other.id for one, other in pairwise(plan.steps))
