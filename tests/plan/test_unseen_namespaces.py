"""Pods that istiod does not look at are not moved: ztunnel would know none of them."""

from tests.support import mesh as m
from tests.support.scenes import index, mesh_config, pods, service

from sidestep.plan.document import Fate
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.sources.prices import load_prices

CHOOSE = mesh_config(discoverySelectors=[{"matchLabels": {"mesh": "on"}}])


def fates(**labels):
    space = m.o.labelled_namespace("shop", {"istio-injection": "enabled", **labels})
    mesh = index(space, m.o.webhook("default"), *pods("cart"), service("cart"), CHOOSE).mesh
    return [each.fate for each in make_plan(PlanRequest(mesh, load_prices(None))).workloads]


def test_who_is_left_out_needs_a_label_first():
    assert fates() == [Fate.REWORK]
    assert fates(mesh="on") == [Fate.AMBIENT]
