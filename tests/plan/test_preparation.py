"""What stands before anybody moves, and what comes after it."""

import pytest
from tests.plan.test_no_gaps import BACKSTAGE
from tests.support.proofs import visited
from tests.support.scenes import index, m, mesh_config, pods, policy, principal, service

from sidestep.actions.memory import states
from sidestep.plan.choreography import _NAMED
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.plan.steps import Patch, SetLabels, Wait, WaitFor
from sidestep.prove.outcome import Assume, Leave
from sidestep.prove.partial import with_partial
from sidestep.prove.proof import Direction
from sidestep.prove.prover import Terms
from sidestep.sources.prices import load_prices

READS = {"to": [{"operation": {"methods": ["GET"]}}]}


def _planned(count):
    """One guarded service among so many NetworkPolicies that name ports."""
    network = [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": f"ports-{number}", "namespace": "shop"},
            "spec": {
                "podSelector": {"matchLabels": {"app": "cart"}},
                "ingress": [{"ports": [{"port": 8080 + number}]}],
            },
        }
        for number in range(count)
    ]
    space = [m.o.labelled_namespace("shop", {"istio-injection": "enabled"}), m.o.webhook("default")]
    today = index(*space, *pods("cart", count=2), service("cart"), policy("reads", READS, app="cart"), *network)
    return make_plan(PlanRequest(today.mesh, load_prices(None))).steps


def _before(steps, step):
    """All that a step comes after, through others too."""
    known = {each.id: each for each in steps}
    left, found = list(step.after), set()
    while left:
        found.add(name := left.pop())
        left.extend(known[name].after)
    return found


def test_who_comes_after_many_preparations_names_one_step():
    steps = _planned(40)
    assert sum(isinstance(each.effect, Patch) for each in steps) >= 40
    joins = [each for each in steps if isinstance(each.effect, Wait) and each.effect.what is WaitFor.PREPARED]
    assert len(joins) == 1
    assert all(len(each.after) <= _NAMED + 1 for each in steps if each is not joins[0])


def test_a_service_is_bound_after_every_preparation_however_many():
    for count in (1, _NAMED, _NAMED + 1, 40):
        steps = _planned(count)
        prepared = {each.id for each in steps if isinstance(each.effect, Patch) and "15008" in each.description}
        bound = [each for each in steps if isinstance(each.effect, SetLabels) and each.description.startswith("bind ")]
        assert len(prepared) == count
        assert bound
        assert all(prepared <= _before(steps, each) for each in bound)


ALIASES = mesh_config(trustDomain="cluster.local", trustDomainAliases=["old.example"])
BY_ALIAS = {"from": [{"source": {"principals": ["old.example/ns/shop/sa/web"]}}]}
BY_STAR = {"from": [{"source": {"namespaces": ["s*p"]}}]}


@pytest.mark.parametrize(("rule", "action"), [(BY_ALIAS, "ALLOW"), (BY_ALIAS, "DENY"), (BY_STAR, "ALLOW")])
def test_whom_ztunnel_would_take_for_somebody_else_is_named_before_anybody_moves(rule, action):
    """A sidecar expands aliases of trust domains; ztunnel compares what is written (D09, D10)."""
    today = index(ALIASES, *BACKSTAGE, *pods("web"), *pods("stock"), service("web"), service("stock"), policy("named", rule, action=action, app="stock"))  # fmt: skip
    plan = make_plan(PlanRequest(today.mesh, load_prices(None)))
    steps = [step for step in plan.steps if isinstance(step.effect, Patch) and step.effect.object.name == "named"]
    assert [step.wave for step in steps] == [0]
    proof = visited(today, with_partial(today.mesh, ((step.id, mesh) for step, mesh in states(plan, today.mesh))), Terms(Leave.SHAPE, assume=Assume.EVERYTHING))  # fmt: skip
    found = [each.request for each in proof.counterexamples if not each.accepted and ".svc." in each.request]
    assert [each for each in found if not each.startswith("someone")] == [], "a namespace that comes later is not known"
    assert all(each.direction is not Direction.OPEN for each in proof.counterexamples)


def test_what_ztunnel_reads_alike_stays_as_it_is():
    named = policy("named", {"from": [{"source": {"principals": [principal("web")]}}]}, app="stock")
    today = index(*BACKSTAGE, *pods("web"), *pods("stock"), service("web"), service("stock"), named)
    plan = make_plan(PlanRequest(today.mesh, load_prices(None)))
    assert not [step for step in plan.steps if isinstance(step.effect, Patch)]
