"""What is seen after a wave is held against what the plan foretold."""

import pytest
from msgspec.structs import replace
from tests.support.rehearsals import example
from tests.support.runs import example_plan
from tests.support.scenes import index, m, pods, policy, service

from sidestep.actions.gates.judging import Answer
from sidestep.actions.gates.observed import Observer, as_foretold
from sidestep.actions.in_memory.working_copy import WorkingCopy
from sidestep.actions.memory import apply
from sidestep.model.gaps import Gap, GapReason
from sidestep.model.kinds import AUTHORIZATION_POLICY
from sidestep.model.metadata import ObjectId
from sidestep.plan.naive import policies_first
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.plan.steps import Apply, Delete
from sidestep.sources.prices import load_prices

PLAN = example_plan()
WAVES = [wave.number for wave in PLAN.waves]


def after(wave):
    return apply(PLAN, example(), wave)


def found(observed, wave):
    return as_foretold(after(wave), observed, wave)


def changed(mesh, *effects):
    copy = WorkingCopy(mesh)
    assert not [refused for effect in effects if (refused := copy.perform(effect))]
    return copy.mesh()


def policies(mesh):
    return mesh.of(AUTHORIZATION_POLICY)


@pytest.mark.parametrize("wave", WAVES)
def test_what_became_as_foretold_holds(wave):
    told = found(after(wave), wave)
    assert told.answer is Answer.HOLDS
    assert "objects that decide" in told.told


def test_what_decides_nobodys_request_otherwise_is_told_and_holds():
    told = found(example(), WAVES[-2])
    assert told.answer is Answer.HOLDS, "a plan changes nothing for anybody"
    assert "although " in told.told


def test_a_policy_that_somebody_took_away_is_seen_and_named():
    gone = policies(after(1))
    told = found(changed(after(1), *(Delete(each.id, each.tree()) for each in gone)), 1)
    assert told.answer is Answer.FAILS
    assert "deny was foretold, and it is allow" in told.told
    assert f"AuthorizationPolicy.security.istio.io {gone[0].meta.namespace}/" in told.told
    assert "is absent" in told.told
    assert found(apply(policies_first(example()), example()), 1).answer is Answer.FAILS


def test_a_policy_that_nobody_foretold_is_seen_and_named():
    named = ObjectId("security.istio.io/v1", "AuthorizationPolicy", "shop", "theirs")
    tree = {"apiVersion": named.api_version, "kind": named.kind, "metadata": {"name": "theirs", "namespace": "shop"}}
    told = found(changed(after(1), Apply(named, {**tree, "spec": {"action": "DENY", "rules": [{}]}})), 1)
    assert told.answer is Answer.FAILS
    assert "AuthorizationPolicy.security.istio.io shop/theirs was not foretold" in told.told


NO_DELETE = {"to": [{"operation": {"methods": ["DELETE"]}}]}
OBSERVED = index(
    m.o.labelled_namespace("shop", {"istio-injection": "enabled"}), m.o.webhook("default"),
    *(each for name in ("web", "cart") for each in pods(name, count=2)), service("web"), service("cart"),
    policy("no-delete", NO_DELETE, action="DENY", app="cart"),
).mesh  # fmt: skip
OF_PODS = make_plan(PlanRequest(OBSERVED, load_prices(None)))
END = apply(OF_PODS, OBSERVED)


def test_pods_that_are_not_as_foretold_are_named():
    cart = [pod for pod in OBSERVED.pods if pod.name.startswith("cart")]
    back = tuple(next((old for old in cart if old.name == pod.name), pod) for pod in END.pods)
    told = as_foretold(END, replace(END, pods=back), 1)
    assert "pods of Deployment shop/cart are sidecar, and not ambient" in told.told.replace(" with HBONE", "")


def test_addresses_and_what_is_about_to_end_count_for_nothing():
    moved = tuple(replace(pod, status=replace(pod.status, pod_ip="192.0.2.7", pod_ips=())) for pod in END.pods)
    leaving = tuple(replace(pod, deleting=True) for pod in OBSERVED.pods)
    told = as_foretold(END, replace(END, pods=(*moved, *leaving)), 1)
    assert (told.answer, "although" in told.told, "pods of 2 workloads" in told.told) == (Answer.HOLDS, False, True)


def test_what_cannot_be_read_any_more_is_no_pass():
    mesh = replace(after(1), gaps=(Gap("authorizationpolicies.security.istio.io", GapReason.FORBIDDEN),))
    told = found(mesh, 1)
    assert told.answer is Answer.NOT_YET
    assert "authorizationpolicies.security.istio.io could not be read" in told.told


def test_who_goes_on_in_the_middle_holds_the_rest_against_the_same_end():
    """What a run is resumed with is as its steps left it, and the plan leads from there to where it always leads."""
    meshes = iter([after(WAVES[1]), after(WAVES[-1])])
    assert Observer(PLAN, lambda: next(meshes)).after(WAVES[-1]).answer is Answer.HOLDS
