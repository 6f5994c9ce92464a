"""Which gates stand after a wave depends on who moves in it."""

import copy

import pytest
from tests.support import mesh as m
from tests.support.scenes import index

from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.plan.steps import Gate
from sidestep.sources.prices import load_prices

LIMIT = {"limits": {"cpu": "500m"}}


def gates(*resources):
    """Of a plan that moves one workload, whose containers have these resources."""
    declared = copy.deepcopy(m.app("web"))
    first = declared["spec"]["containers"][0]
    declared["spec"]["containers"] = [
        {**first, "name": f"part-{number}", "resources": each} for number, each in enumerate(resources)
    ]
    spaces = [m.o.labelled_namespace("shop", {"istio-injection": "enabled"}), m.o.webhook("default")]
    running = m.workload(m.inject(declared, m.Sidecar(native=True)), "web", declared=declared, pods=1)
    plan = make_plan(PlanRequest(index(*spaces, *running).mesh, load_prices(None)))
    return {step.effect.name: step.effect for step in plan.steps if isinstance(step.effect, Gate)}


def test_an_application_with_a_limit_is_not_to_be_nearer_to_it_than_before():
    query = gates(LIMIT, LIMIT)["saturation"].query
    assert 'namespace=~"shop",pod=~"(web)-.*",container!~"|POD|istio-proxy"' in query


@pytest.mark.parametrize("resources", [({},), (LIMIT, {}), ({"requests": {"cpu": "1"}},)])
def test_without_a_limit_nothing_is_saturated(resources):
    assert "saturation" not in gates(*resources)
    assert "sidecar-cpu" in gates(*resources)
