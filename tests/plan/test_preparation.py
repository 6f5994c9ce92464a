"""What stands before anybody moves, and what comes after it."""

from tests.support.scenes import index, m, pods, policy, service

from sidestep.plan.choreography import _NAMED
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.plan.steps import Patch, SetLabels, Wait, WaitFor
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
