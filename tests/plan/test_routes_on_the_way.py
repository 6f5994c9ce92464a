"""Requests go where they go today in every state on the way: routes are asked for by whoever has moved."""

import pytest
from tests.plan.test_no_gaps import BACKSTAGE, GET_ONLY, GRAPH
from tests.semantics.routing.meshes import dr, istio, to, vs
from tests.support.proofs import visited
from tests.support.scenes import index, pods, policy, service

from sidestep.actions.memory import states
from sidestep.actions.stages import stages
from sidestep.convert.conversion import convert
from sidestep.convert.rewrite import Severity
from sidestep.plan.conversion_context import context_of
from sidestep.plan.document import Fate
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.plan.steps import Delete, SetLabels
from sidestep.prove.outcome import Assume, Leave
from sidestep.prove.partial import with_partial
from sidestep.prove.proof import Conclusion, Direction
from sidestep.prove.prover import Terms
from sidestep.semantics.waypoints import USE_WAYPOINT
from sidestep.sources.prices import load_prices

SUBSETS = dr("stock", {"host": "stock", "subsets": [{"name": "one", "labels": {"version": "one"}}, {"name": "two", "labels": {"version": "two"}}]})  # fmt: skip
SHAPED = dr("stock", {"host": "stock", "trafficPolicy": {"connectionPool": {"http": {"maxRetries": 1}}}})
BY_HEADER = {
    "hosts": ["stock"],
    "http": [
        {"match": [{"headers": {"x-user": {"exact": "a"}}}], "route": to("stock", subset="two")},
        {"route": to("stock", subset="one"), "timeout": "3s"},
    ],
}


def shop(*more):
    """Two versions of stock behind one Service, called by web and cart."""
    names = ("web", "cart")
    versions = [pods(f"stock-{each}", labels={"app": "stock", "version": each}, count=2) for each in ("one", "two")]
    groups = [*versions, *(pods(name) for name in names)]
    return [*BACKSTAGE, *(each for group in groups for each in group), *map(service, (*names, "stock")), *more]


SCENES = {
    "by header": shop(SUBSETS, vs("stock", BY_HEADER)),
    "by weight": shop(SUBSETS, vs("stock", {"hosts": ["stock"], "http": [{"route": [{"destination": {"host": "stock", "subset": "one"}, "weight": 90}, {"destination": {"host": "stock", "subset": "two"}, "weight": 10}]}]})),
    "elsewhere": shop(vs("stock", {"hosts": ["stock"], "http": [{"route": to("web")}]})),
    "shaped": shop(SHAPED),
    "with a policy": shop(SUBSETS, vs("stock", BY_HEADER), policy("reads", GET_ONLY, app="stock")),
}  # fmt: skip


CAPTURED = [
    *BACKSTAGE, *pods("web"), *pods("cart"), *(service(each) for each in ("web", "cart", "stock")),
    *pods("stock", "ambient", labels={"istio.io/dataplane-mode": "ambient"}),
    vs("stock", {"hosts": ["stock"], "http": [{"route": to("stock"), "timeout": "3s"}]}),
]  # fmt: skip


def planned(objects):
    today = index(*objects)
    return today, make_plan(PlanRequest(today.mesh, load_prices(None), graph=GRAPH))


def proved(today, plan):
    way = with_partial(today.mesh, ((step.id, mesh) for step, mesh in states(plan, today.mesh)))
    return visited(today, way, Terms(Leave.SHAPE | Leave.CLOSED, assume=Assume.EVERYTHING))


@pytest.mark.parametrize("name", SCENES)
def test_no_state_routes_otherwise(name):
    today, plan = planned(SCENES[name])
    assert Fate.WAYPOINT in {each.fate for each in plan.workloads}
    proof = proved(today, plan)
    assert proof.states > 5
    assert [each.request for each in proof.counterexamples if each.direction is not Direction.CLOSED] == []
    assert proof.verdict is Conclusion.EQUAL


@pytest.mark.parametrize("name", SCENES)
def test_services_with_routes_are_bound_before_anybody_moves(name):
    _, plan = planned(SCENES[name])
    bound = [step.wave for step in plan.steps if isinstance(step.effect, SetLabels) and USE_WAYPOINT in step.effect.labels]  # fmt: skip
    assert bound
    assert set(bound) == {0}


def test_routes_to_pods_that_were_in_ambient_before_go_on():
    """For clients that move; only who was in ambient itself went past them, and no longer does."""
    today, plan = planned(CAPTURED)
    assert [name for each in plan.waypoints for _, name in each.services] == ["stock"]
    others = {each.request.partition(" sends")[0] for each in proved(today, plan).counterexamples}
    assert others == {"someone elsewhere/someone in ambient"}


OUTSIDE = {
    "hosts": ["api.acme.test"], "location": "MESH_EXTERNAL", "resolution": "DNS",
    "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
}  # fmt: skip
ROUTED = {
    "hosts": ["api.acme.test"],
    "http": [{"route": to("api.acme.test"), "timeout": "3s", "headers": {"request": {"set": {"x-env": "prod"}}}}],
}


def outside(routes=ROUTED, **entry):
    """A host outside that web and cart call, and routes for it."""
    clients = [each for name in ("web", "cart") for each in (*pods(name), service(name))]
    return [*BACKSTAGE, *clients, istio("ServiceEntry", "api", OUTSIDE | entry), vs("api", routes)]


def test_a_host_outside_that_sidecars_route_gets_an_egress_waypoint_before_anybody_moves():
    today, plan = planned(outside())
    (bound,) = [
        step for step in plan.steps if isinstance(step.effect, SetLabels) and USE_WAYPOINT in step.effect.labels
    ]
    assert (bound.wave, bound.effect.object.kind) == (0, "ServiceEntry")
    assert "routes requests to api.acme.test" in bound.description
    assert proved(today, plan).verdict is Conclusion.EQUAL


@pytest.mark.parametrize(
    "objects",
    [
        outside(hosts=["*.acme.test"], resolution="NONE"),
        outside({"hosts": ["api.acme.test"], "tcp": [{"route": to("api.acme.test")}]}),
        outside({**ROUTED, "gateways": ["front"]}),
    ],
    ids=["under a wildcard", "bytes that go where they went", "at a gateway alone"],
)
def test_other_hosts_outside_get_none(objects):
    assert planned(objects)[1].waypoints == ()


def test_who_alone_hears_a_route_keeps_its_sidecar():
    """No waypoint could apply it to some clients: the others move, and no waypoint is made for nobody."""
    own = [*pods("front", space="far"), service("front", "far")]
    today, plan = planned([*outside()[:-1], *own, vs("api", {**ROUTED, "exportTo": ["."]}, "far")])
    fates = {str(each.workload): each.fate for each in plan.workloads}
    assert fates["Deployment far/front"] is Fate.REWORK
    assert fates["Deployment shop/web"] is Fate.AMBIENT
    assert plan.waypoints == ()
    assert proved(today, plan).verdict is Conclusion.EQUAL
    losses = convert(context_of(plan, today, today.settings.version)).losses
    assert [each for each in losses if each.object.kind == "VirtualService"] == []


def test_a_wildcard_that_is_routed_says_what_could_be_done():
    entry = istio("ServiceEntry", "api", OUTSIDE | {"hosts": ["*.acme.test"], "resolution": "NONE"})
    today, plan = planned([*outside()[:-2], entry, vs("api", {**ROUTED, "hosts": ["*.acme.test"]})])
    losses = convert(context_of(plan, today, today.settings.version)).losses
    (lost,) = (each for each in losses if each.object.kind == "VirtualService")
    assert (lost.field, lost.severity) == ("spec.hosts[0]", Severity.TRAFFIC)
    assert "name each host" in lost.instead
    assert proved(today, plan).verdict is Conclusion.DIFFERS


STOCK = "stock.shop.svc.cluster.local"
FAR = [*shop(), *pods("front", space="far"), service("front", "far")]
LIMITED = [{"route": to(STOCK), "timeout": "3s"}]
READ_BY_NO_WAYPOINT = {
    "of another namespace": [*FAR, vs("stock", {"hosts": [STOCK], "http": LIMITED}, "far")],
    "of the root namespace": [*FAR, vs("stock", {"hosts": [STOCK], "http": LIMITED}, "istio-system")],
    "that stays a VirtualService": [
        *FAR,
        vs("stock", {"hosts": [STOCK], "http": [{"fault": {"abort": {"httpStatus": 503, "percentage": {"value": 5}}}, "route": to(STOCK)}]}, "far"),
    ],
    "to versions": [
        *FAR, SUBSETS, policy("reads", GET_ONLY, app="stock"),
        vs("stock", {"hosts": [STOCK], "http": [{"match": [{"headers": {"x": {"exact": "1"}}}], "route": to(STOCK, subset="two")}, {"route": to(STOCK, subset="one")}]}, "far"),
    ],
    "of a host outside": [*FAR, istio("ServiceEntry", "api", OUTSIDE, "far"), vs("api", ROUTED)],
}  # fmt: skip


@pytest.mark.parametrize("name", READ_BY_NO_WAYPOINT)
def test_a_route_that_no_waypoint_reads_is_staged_for_it_before_anybody_moves(name):
    """Sidecars read VirtualServices of all namespaces, a waypoint those of its own and of the service's (D38)."""
    today, plan = planned(READ_BY_NO_WAYPOINT[name])
    staged = [step for step in plan.steps if "no waypoint reads" in step.description]
    assert staged
    assert {step.wave for step in staged} == {0}
    proof = proved(today, plan)
    assert [each.request for each in proof.counterexamples if each.direction is not Direction.CLOSED] == []
    assert proof.verdict is Conclusion.EQUAL


def test_a_route_that_the_waypoint_reads_is_not_staged():
    _, plan = planned([*FAR, vs("stock", {"hosts": ["stock"], "http": LIMITED})])
    assert not [step for step in plan.steps if "no waypoint reads" in step.description]


def test_a_conversion_by_the_plan_says_who_makes_a_staged_route():
    today, plan = planned(READ_BY_NO_WAYPOINT["of another namespace"])
    context = context_of(plan, today, today.settings.version)
    staged = stages(plan, convert(context), today.mesh)
    routes = [each for stage in staged for each in stage.objects if each.object.kind == "HTTPRoute"]
    assert [each.rule for each in routes] == ["SID330"]


def test_a_route_that_nobody_hears_goes_before_a_waypoint_puts_it_together_with_the_first():
    """A sidecar hears the first of two alone (D40)."""
    first = vs("a", {"hosts": ["stock"], "http": [{"match": [{"uri": {"prefix": "/a"}}], "route": to("web")}]})
    behind = vs("b", {"hosts": ["stock"], "http": [{"route": to("stock"), "timeout": "1s"}]}, age=2)
    today, plan = planned(shop(first, behind))
    (gone,) = (step for step in plan.steps if isinstance(step.effect, Delete))
    assert (gone.wave, gone.effect.object.name) == (0, "b")
    proof = proved(today, plan)
    assert [each.request for each in proof.counterexamples if each.direction is not Direction.CLOSED] == []
