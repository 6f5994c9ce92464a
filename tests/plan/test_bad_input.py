"""Plans of bad input: nothing raises, the order of reading never shows, and every plan fits the mesh it was made of."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.semantics.decide.test_bad_input import WRONG, changed, forbidden, places
from tests.support.generated import REFS, calls_of, graphs, read, worlds
from tests.support.mesh import o
from tests.support.scenes import m, peers, pods, policy, service, waypoint

from sidestep.actions.memory import apply, problems, states
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.document import Confidence, Fate
from sidestep.plan.inferred_calls import inferred_calls
from sidestep.plan.planner import PlanRequest, Wishes, make_plan
from sidestep.plan.reading import read_plan
from sidestep.plan.steps import Apply, Restart
from sidestep.plan.verdicts.judge import Overrides
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Mode
from sidestep.sources.prices import load_prices

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")
PRICES = load_prices(None)
ENABLED = m.o.labelled_namespace("shop", {"istio-injection": "enabled"})
BOUND = {"istio.io/use-waypoint": "waypoint"}
READS = {"to": [{"operation": {"methods": ["GET"]}}]}


def plan_of(mesh, **more):
    return make_plan(PlanRequest(mesh, PRICES, **more))


def objects(*groups):
    return [each for group in groups for each in (group if isinstance(group, list) else [group])]


def shop(*more, **how):
    return read(objects(ENABLED, o.namespace("back"), pods("web"), pods("cart"), service("cart"), *more), **how)


def fate(plan, name="cart", space="shop"):
    return next(each for each in plan.workloads if each.workload == WorkloadRef(space, "Deployment", name))


@given(worlds(), graphs, st.randoms(use_true_random=False))
def test_equal_input_gives_equal_bytes_in_whatever_order_it_was_read(found, graph, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    assert msgspec.json.encode(plan_of(read(shuffled), graph=graph)) == msgspec.json.encode(
        plan_of(read(found), graph=graph)
    )


@given(worlds(), graphs)
def test_every_plan_can_be_read_back_and_carried_out(found, graph):
    mesh = read(found)
    plan = plan_of(mesh, graph=graph)
    assert read_plan(msgspec.json.encode(plan)) == plan
    assert problems(plan, mesh) == ()
    moved = {each.workload for each in plan.workloads if each.wave is not None}
    assert moved == {ref for wave in plan.waves for ref in wave.workloads}
    assert all(each.reasons for each in plan.workloads if each.fate in {Fate.SIDECAR, Fate.REWORK})


@given(worlds(), st.data())
def test_any_type_in_any_place_raises_nothing(found, data):
    found = json.loads(json.dumps(found))
    for _ in range(data.draw(st.integers(1, 4))):
        number = data.draw(st.integers(0, len(found) - 1))
        path = data.draw(
            st.sampled_from([each for each in places(found[number]) if each[0] not in {"apiVersion", "kind"}])
        )
        found[number] = changed(found[number], path, data.draw(WRONG))
    mesh = read(found)
    plan = plan_of(mesh, graph=inferred_calls(mesh))
    assert msgspec.json.encode(plan)
    for _ in states(plan, mesh):
        pass


@pytest.mark.parametrize("kind", ["AuthorizationPolicy", "PeerAuthentication"])
@pytest.mark.parametrize("spec", [{"rules": 5, "mtls": 5}, {"selector": 5}])
def test_what_cannot_be_judged_does_not_move_as_if_it_could(kind, spec):
    """A policy that nobody can read is no reason to go on without it."""
    found = fate(plan_of(shop(o.istio(kind, "broken", "shop", spec))))
    assert found.fate is Fate.REWORK or found.confidence is Confidence.LOW
    assert "broken" in json.dumps(msgspec.to_builtins(found))


@pytest.mark.parametrize("key", ["authorizationpolicies.security.istio.io", "peerauthentications.security.istio.io"])
def test_policies_that_were_not_read_make_no_plan_sure(key):
    plan = plan_of(shop(gaps=forbidden(key)))
    assert any(key in each for each in plan.missing)
    assert all(
        each.confidence is Confidence.LOW or each.fate is Fate.REWORK
        for each in plan.workloads
        if each.fate is not Fate.NONE
    )


def test_a_service_that_is_bound_already_and_guards_nothing_needs_no_step():
    """It had none to wait for, and the plan fell over it."""
    route = o.http_route("split", "shop", "cart")
    mesh = read(objects(ENABLED, pods("web"), pods("cart"), service("cart", labels=BOUND), waypoint(), route))
    plan = plan_of(mesh)
    assert fate(plan).fate is Fate.WAYPOINT
    assert not problems(plan, mesh)
    assert any(isinstance(step.effect, Restart) for step in plan.steps)


def test_all_twins_stand_before_a_pod_moves():
    """Of several steps of a guard only the last was waited for."""
    mesh = shop(policy("a", READS, app="cart"), policy("b", READS, action="DENY", app="cart"))
    plan = plan_of(mesh)
    staged = {step.id for step in plan.steps if isinstance(step.effect, Apply) and step.wave > 0}
    restart = next(
        step
        for step in plan.steps
        if isinstance(step.effect, Restart) and step.effect.workload.name == "cart" and step.wave > 0
    )
    by_id, waited, todo = {step.id: step for step in plan.steps}, set(), list(restart.after)
    while todo:
        step = todo.pop()
        waited.add(step)
        todo += [each for each in by_id[step].after if each not in waited]
    assert staged <= waited


@pytest.mark.parametrize("gone", [("Deployment",), ("Deployment", "ReplicaSet")])
def test_a_workload_whose_controller_was_not_read_does_not_move(gone):
    """Its pods were made anew from the same template, with their sidecars, and the plan called them ambient."""
    found = objects(ENABLED, pods("web"), pods("cart"), service("cart"))
    plan = plan_of(
        read([each for each in found if each["kind"] not in gone or each["metadata"]["name"].startswith("web")])
    )
    left = next(each for each in plan.workloads if each.workload.name.startswith("cart"))
    assert left.fate is Fate.REWORK
    assert left.wave is None
    assert "was not read" in left.reasons[0].text


@given(worlds(), graphs)
def test_whoever_moves_is_off_its_sidecar_in_the_end(found, graph):
    mesh = read(found)
    plan = plan_of(mesh, graph=graph)
    after = MeshIndex.of(apply(plan, mesh)).workloads
    for each in plan.workloads:
        if each.wave is not None:
            assert {pods.mode for pods in after[each.workload]} == {Mode.AMBIENT}


def test_a_name_that_leads_to_guarded_pods_by_address_is_no_reason_to_shut_a_namespace():
    """What keeps others out selected by no label at all: every pod of the namespace."""
    entry = {
        "hosts": ["api.example.com"],
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
        "resolution": "STATIC",
        "endpoints": [{"address": "10.1.7.7"}],
    }
    found = read(
        objects(
            ENABLED,
            pods("cart", ip="10.1.7.7"),
            pods("web"),
            service("cart"),
            o.istio("ServiceEntry", "api", "shop", entry),
            policy("a", READS, app="cart"),
        )
    )
    for more in ({}, {"wishes": Wishes(overrides=Overrides({"shop/cart": "waypoint"}, force=True))}):
        plan = plan_of(found, **more)
        applied = [step.effect.manifest.get("spec", {}) for step in plan.steps if isinstance(step.effect, Apply)]
        assert all(spec["selector"]["matchLabels"] for spec in applied if "selector" in spec)
    assert fate(plan_of(found)).fate is Fate.REWORK


def test_a_circle_of_callers_and_who_calls_itself():
    web, cart, stock = REFS
    graph = calls_of((web, cart), (cart, stock), (stock, web), (cart, cart))
    mesh = shop(pods("stock", space="back"), service("stock", "back"), policy("a", READS, app="cart"))
    plan = plan_of(mesh, graph=graph)
    assert {fate(plan).wave, fate(plan, "web").wave} == {fate(plan).wave}
    assert not problems(plan, mesh)


def test_callers_and_callees_that_nobody_knows():
    ghost = WorkloadRef("ghosts", "Deployment", "ghost")
    plan = plan_of(shop(), graph=calls_of((ghost, REFS[1]), (REFS[0], ghost)))
    assert fate(plan).wave is not None


def test_half_migrated_pods_of_one_workload():
    moved = [each for each in pods("cart", "ambient", ip="10.1.7.7") if each["kind"] == "Pod"]
    moved[0]["metadata"]["name"] = "cart-new"
    mesh = shop(moved)
    plan = plan_of(mesh)
    assert fate(plan).pods == 2
    assert not problems(plan, mesh)


@pytest.mark.parametrize(
    "more",
    [
        policy("typo", {}, service="typo"), policy("typo", {}, gateway="typo"), policy("typo", {}, app="typo"),
        o.http_route("typo", "shop", "typo"), o.disruption_budget("typo", "shop", {"app": "typo"}, 0), o.autoscaler("typo", "shop"),
        o.istio("VirtualService", "typo", "shop", {"hosts": ["typo"], "http": [{"route": [{"destination": {"host": "typo"}}]}]}),
        o.istio("DestinationRule", "typo", "shop", {"host": "typo"}), service("typo", labels={"istio.io/use-waypoint": "typo"}),
        peers("STRICT", "shop", name="typo", app="typo"),
    ],
    ids=lambda each: f"{each['kind']}-{'-'.join(each['spec'])}",
)  # fmt: skip
def test_what_is_about_nobody_holds_nobody_back(more):
    mesh = shop(more)
    plan = plan_of(mesh)
    assert fate(plan).fate is Fate.AMBIENT
    assert not problems(plan, mesh)


@pytest.mark.parametrize("ports", [["²"], ["9" * 5000], ["x"], [""], ["-1"], ["65536"]])
def test_ports_of_policies_that_are_none(ports):
    """A superscript is a digit to Python and no number."""
    rule = {"to": [{"operation": {"methods": ["GET"], "ports": ports}}]}
    mesh = shop(policy("odd", rule, app="cart"))
    plan = plan_of(mesh)
    assert fate(plan).fate is not Fate.AMBIENT
    assert not problems(plan, mesh)


def test_a_policy_of_five_hundred_rules():
    rules = [{"to": [{"operation": {"paths": [f"/p{number}/*"], "methods": ["GET"]}}]} for number in range(500)]
    mesh = shop(policy("many", *rules, app="cart"))
    plan = plan_of(mesh)
    assert fate(plan).fate is Fate.WAYPOINT
    assert not problems(plan, mesh)


@pytest.mark.parametrize("name", ["ünïcode", "\u202egnirts", "a b", "x" * 300, "a/b", "..", "%2e"])
def test_any_text_as_a_name(name):
    found = read(objects(ENABLED, pods(name, labels={"app": name}), service(name), policy(name, READS, app=name)))
    assert read_plan(msgspec.json.encode(plan_of(found)))


def test_nothing_at_all():
    plan = plan_of(read([]))
    assert not plan.steps
    assert not plan.workloads
    assert plan.summary
