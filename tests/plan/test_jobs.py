"""A Job ends as it began: nothing patches the template that the API server holds fast, and its pods are waited for."""

import copy

from tests.support import mesh as m
from tests.support.scenes import index

from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.plan.steps import Restart, SetLabels, Wait, WaitFor
from sidestep.sources.prices import load_prices


def steps(kind):
    declared = copy.deepcopy(m.app("load"))
    spaces = [m.o.labelled_namespace("shop", {"istio-injection": "enabled"}), m.o.webhook("default")]
    running = m.workload(m.inject(declared, m.Sidecar(native=True)), "load", kind=kind, declared=declared, pods=1)
    running[0]["apiVersion"] = "batch/v1" if kind == "Job" else "apps/v1"
    mesh = index(*spaces, *running).mesh
    return [each for each in make_plan(PlanRequest(mesh, load_prices(None))).steps if "shop/load" in each.description]


def test_the_template_of_a_job_is_left_and_its_pods_are_waited_for():
    ending, gone = steps("Job")
    assert isinstance(ending.effect, Restart)
    assert ending.effect.effect_only
    assert isinstance(gone.effect, Wait)
    assert gone.effect.what is WaitFor.SIDECARS_GONE


def test_other_controllers_get_another_template():
    assert any(isinstance(each.effect, SetLabels) and each.effect.template for each in steps("Deployment"))
