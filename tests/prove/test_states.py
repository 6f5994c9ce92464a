"""All states of plans: what is skipped because no step affects it would not have differed."""

import gc
from itertools import pairwise

import pytest
from msgspec import structs
from tests.plan.test_no_gaps import GRAPH, SCENES, without
from tests.prove.faults import worsened
from tests.prove.random_meshes import World
from tests.prove.test_mutations import _ALL
from tests.support import mesh as m
from tests.support.proofs import visited
from tests.support.scenes import index, pods, policy, service, waypoint

from sidestep.actions.memory import states
from sidestep.model.in_order import apart
from sidestep.model.kinds import AUTHORIZATION_POLICY, GATEWAY, ISTIO_GATEWAY, NAMESPACE, SERVICE
from sidestep.model.mesh import PODS, Mesh
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.prove.affected import affected
from sidestep.prove.guards import Guards
from sidestep.prove.outcome import Leave
from sidestep.prove.partial import between, with_partial
from sidestep.prove.proof import Conclusion, Direction
from sidestep.prove.prover import Terms, prove
from sidestep.prove.reach import Reach
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.versions import given_version
from sidestep.sources.prices import load_prices

_TERMS = Terms(Leave.SHAPE)
_LEFT_OUT = ("stage", "past its waypoint", "admit the waypoint", "bind", "from refusing", "waypoint")


def plan_of(today, left_out=""):
    plan = make_plan(PlanRequest(today.mesh, load_prices(None), graph=GRAPH))
    return without(plan, left_out) if left_out else plan


def on_the_way(today, plan):
    return ((step.id, mesh) for step, mesh in states(plan, today.mesh))


def way_of(today, left_out=""):
    return with_partial(today.mesh, on_the_way(today, plan_of(today, left_out)))


def one_by_one(today, plan):
    """Every state for itself, with nothing known of the others."""
    found, last = set(), today.mesh
    for _, mesh in states(plan, today.mesh):
        for each in (*(within for _, within in between(last, mesh)), mesh) if mesh is not last else ():
            proof = prove(today, MeshIndex.of(each, given_version("1.30")), _TERMS)
            found |= {(example.direction, dialled(example)) for example in proof.counterexamples}
        last = mesh
    return found


def dialled(example):
    return example.request.partition(" to ")[2].partition(" with ")[0]


@pytest.mark.parametrize("name", _ALL)
@pytest.mark.parametrize("left_out", ["", *_LEFT_OUT])
def test_nothing_is_missed_by_asking_only_what_changes(name, left_out):
    today = index(*_ALL[name])
    plan = plan_of(today, left_out)
    proof = visited(today, with_partial(today.mesh, on_the_way(today, plan)), _TERMS)
    assert {(each.direction, dialled(each)) for each in proof.counterexamples} == one_by_one(today, plan)
    assert not [each for each in proof.undecided if "internal error" in each.reason]


@pytest.mark.parametrize("name", SCENES)
def test_states_of_a_plan_open_nothing(name):
    today = index(*SCENES[name])
    proof = visited(today, way_of(today), Terms(Leave.SHAPE | Leave.CLOSED))
    assert proof.verdict is Conclusion.EQUAL
    assert proof.states > 5


@pytest.mark.parametrize(("name", "left_out"), [("l7 deny", "stage"), ("l7 deny", "past its waypoint")])
def test_a_window_is_shown_with_its_step(name, left_out):
    today = index(*SCENES[name])
    proof = visited(today, way_of(today, left_out), _TERMS)
    opened = [each for each in proof.counterexamples if each.direction is Direction.OPEN]
    assert opened
    assert all(each.step for each in opened)


def test_a_route_is_lost_while_clients_move_before_their_waypoint():
    today = index(*_ALL["routed"])

    def lost(left_out):
        found = visited(today, way_of(today, left_out), _TERMS).counterexamples
        return [each for each in found if each.direction is Direction.ROUTE]

    assert any("some pods" in each.step for each in lost("bind"))
    assert not lost("")


def test_a_state_is_gone_when_nobody_holds_it_without_a_collector_of_cycles():
    today = index(*SCENES["strict"])
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        visited(today, way_of(today), _TERMS)
        gc.collect()
        left = [each for each in gc.garbage if isinstance(each, Mesh | MeshIndex)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert not left


def test_what_differs_between_two_states_is_the_same_whoever_was_asked_about_before():
    today = index(*SCENES["strict"])
    way = [today.mesh.in_order, *(mesh.in_order for _, mesh in on_the_way(today, plan_of(today)))]
    for one, other in pairwise(way):
        for key in (PODS, "others", *one.resources.keys() | other.resources.keys()):
            for against in (today.mesh.in_order, one):
                assert other.apart_from(against, key) == apart(against.things(key), other.things(key))


def test_a_mesh_is_not_affected_by_itself():
    today = index(*SCENES["strict"])
    assert affected(today, today).nothing
    assert visited(today, [("one", today.mesh)], _TERMS).verdict is Conclusion.EQUAL


def changed(one, **kinds):
    """What a mesh with other objects of some kinds affects, beside one that shares the rest with it."""
    resources = {**one.mesh.resources, **{kind.key: found for kind, found in kinds.pop("of").items()}}
    return affected(one, MeshIndex.of(structs.replace(one.mesh, resources=resources, **kinds), one.settings.version))


@pytest.mark.parametrize(
    ("added", "labels", "targets"),
    [
        (policy("p", app="cart"), ({"app": "cart"},), set()),
        (policy("p", service="cart"), (), {("shop", "cart")}),
    ],
)
def test_policies_count_for_whom_they_name(added, labels, targets):
    one, other = index(*pods("cart"), service("cart")), index(*pods("cart"), service("cart"), added)
    found = changed(one, of={AUTHORIZATION_POLICY: other.mesh.of(AUTHORIZATION_POLICY)})
    assert found.namespaces == {"shop"}
    assert (found.named.labels, found.named.services, found.named.targets) == (labels, set(), targets)


@pytest.mark.parametrize("labels", [{}, {"istio.io/use-waypoint": "waypoint"}])
def test_what_a_waypoint_would_enforce_counts_where_somebody_asks_for_one(labels):
    there = (*pods("web"), *pods("cart"), *waypoint(), service("cart", labels=labels))
    today, then = index(*there), index(*there, policy("p", action="DENY", service="cart"))
    found = changed(today, of={AUTHORIZATION_POLICY: then.mesh.of(AUTHORIZATION_POLICY)})
    cart = today.services.by_host["cart.shop.svc.cluster.local"]
    assert Reach.of(today, Guards(today), cart).meets(found.named) is bool(labels)


def test_a_service_that_asks_for_a_waypoint_is_held_against_policies_that_were_there_before():
    there = (*pods("web", "ambient"), *pods("cart", "ambient"), *waypoint())
    deny = policy("p", service="cart")
    states = [(*there, service("cart")), (*there, service("cart"), deny)]
    states.append((*there, service("cart", labels={"istio.io/use-waypoint": "waypoint"}), deny))
    today, *way = (index(*each) for each in states)
    proof = visited(today, [(f"step-{number}", each.mesh) for number, each in enumerate(way)], _TERMS)
    assert {each.step for each in proof.counterexamples} == {"step-1"}


@pytest.mark.parametrize("added", [policy("p"), policy("p", gateway="waypoint")])
def test_policies_of_a_namespace_count_for_all_of_it(added):
    one, other = index(*pods("cart")), index(*pods("cart"), added)
    found = changed(one, of={AUTHORIZATION_POLICY: other.mesh.of(AUTHORIZATION_POLICY)})
    assert (found.namespaces, found.named) == ({"shop"}, None)


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (service("cart", labels={"istio.io/use-waypoint": "w"}), {("shop", "cart")}),
        (service("cart", port=81), None),
        (service("cart", selector={"app": "other"}), None),
    ],
)
def test_a_service_counts_for_itself_where_only_its_labels_change(other, named):
    one, then = index(*pods("cart"), service("cart")), index(*pods("cart"), other)
    found = changed(one, of={SERVICE: then.mesh.of(SERVICE)})
    assert found.namespaces == {"shop"}
    assert (found.named.services if found.named else None) == named


def test_pods_count_for_the_services_that_lead_to_them_and_as_callers():
    one = index(*pods("cart"), *pods("web"), service("cart"))
    then = index(*pods("cart", "ambient"), service("cart"))
    kept = tuple(each for each in one.mesh.pods if each.shape.labels.get("app") == "web")
    found = changed(one, of={}, pods=(*kept, *then.mesh.pods))
    assert {each.name for each in found.callers} == {"cart"}
    assert {each.workload.name for each in found.named.pods} == {"cart"}


ISTIOS = m.o.istio("Gateway", "edge", "far", {"selector": {"app": "edge"}, "servers": [{"hosts": ["*"], "port": {"number": 80, "name": "http", "protocol": "HTTP"}}]})  # fmt: skip
OTHERS = m.o.thing("gateway.networking.k8s.io/v1", "Gateway", m.o.meta("edge", "far"), spec={"gatewayClassName": "istio", "listeners": []})  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "added", "everything"),
    [(ISTIO_GATEWAY, ISTIOS, True), (GATEWAY, OTHERS, True), (GATEWAY, waypoint("w", "far")[0], False)],
)
def test_a_gateway_leads_anywhere_and_a_waypoint_does_not(kind, added, everything):
    one, other = index(*pods("cart"), *pods("x", space="far")), index(*pods("cart"), *pods("x", space="far"), added)
    found = changed(one, of={kind: other.mesh.of(kind)})
    assert found.everything is everything
    assert found.namespaces == (frozenset() if everything else {"far"})


def test_who_asks_for_labels_of_namespaces_is_affected_by_them():
    def of(mode, *more):
        return index(*pods("cart"), m.o.labelled_namespace("shop", {"istio.io/dataplane-mode": mode}), *more)

    def asking(label):
        peer = {"namespaceSelector": {"matchLabels": {label: "ambient"}}}
        spec = {"podSelector": {}, "ingress": [{"from": [peer]}]}
        return m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta("net", "far"), spec=spec)

    for more, everything in (((), False), ((asking("team"),), False), ((asking("istio.io/dataplane-mode"),), True)):
        found = changed(of("none", *more), of={NAMESPACE: of("ambient").mesh.of(NAMESPACE)})
        assert found.everything is everything


def test_single_pods_serve_side_by_side():
    today = index(*SCENES["strict"])
    steps = [mesh for _, mesh in states(plan_of(today), today.mesh)]
    words = [told for one, other in zip([today.mesh, *steps], steps, strict=False) for told, _ in between(one, other)]
    assert "some pods of each workload done" in words


@pytest.mark.parametrize("seed", range(40))
def test_several_namespaces(seed):
    """Steps of which each touches one object, of one namespace or another."""
    world = World(seed)
    today = index(*world.objects(world.guarded()))
    steps = [(f"step-{number}", mesh) for number, mesh in enumerate(worsened(today.mesh, world.chance, 4))]
    proof = visited(today, with_partial(today.mesh, steps), _TERMS)
    alone = [prove(today, MeshIndex.of(mesh, given_version("1.30")), _TERMS) for _, mesh in steps]
    assert {(each.direction, dialled(each)) for each in proof.counterexamples} == {
        (each.direction, dialled(each)) for one in alone for each in one.counterexamples
    }
    assert {each.reason for each in proof.undecided} == {each.reason for one in alone for each in one.undecided}
