"""Whatever order steps are performed in, requests are decided as in a state that was judged."""

import random

import pytest
from msgspec.structs import replace
from tests.plan.test_no_gaps import GRAPH, SCENES, asked, questions
from tests.support.scenes import get, index, m, pods, policy, service

from sidestep.actions.abreast import decides, groups, groups_back, startable
from sidestep.actions.in_memory.working_copy import WorkingCopy
from sidestep.actions.memory import apply, states, states_back
from sidestep.actions.way_back import taking_back
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.choreography import rollback_of
from sidestep.plan.document import Plan, Wave
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.plan.steps import Restart, SetLabels, Step
from sidestep.semantics.decisions import Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.versions import given_version
from sidestep.sources.prices import load_prices

MODE = "istio.io/dataplane-mode"


def answers(mesh, before):
    """What becomes of each question, in their order."""
    now = MeshIndex.of(mesh, given_version("1.30"))
    return [asked(now, *key) for key, _ in before]


def interleaved(waves, mesh, chance):
    """The states of one run in which steps begin and come about in any order that the runner may take."""
    copy = WorkingCopy(mesh)
    for steps, together in waves:
        here, done, busy = {step.id for step in steps}, set(), {}
        while len(done) < len(steps):
            ready = [step for step in steps if step.id not in done and not here.intersection(step.after) - done]
            free = list(startable(steps, ready, done, busy, together))
            if free and (not busy or chance.random() < 0.6):
                step = chance.choice(free)
                busy[step.id] = step
                continue
            step = busy.pop(chance.choice(sorted(busy)))
            copy.perform(step.effect)
            done.add(step.id)
            yield step, copy.mesh()


def there(plan, mesh):
    """The steps of each wave, and which go beside each other."""
    for wave in plan.waves:
        yield [step for step in plan.steps if step.wave == wave.number], groups(plan, mesh, wave.number)


def back(plan, mesh):
    """The same of the way back."""
    for wave in plan.waves[::-1]:
        yield taking_back(plan, wave.number), groups_back(plan, mesh, wave.number)


@pytest.mark.parametrize("name", SCENES)
def test_no_interleaving_decides_as_no_judged_state_does(name):
    mesh = index(*SCENES[name]).mesh
    plan = make_plan(PlanRequest(mesh, load_prices(None), graph=GRAPH))
    before = list(questions(index(*SCENES[name])))
    for waves, start, judged in (
        (list(there(plan, mesh)), mesh, states(plan, mesh)),
        (list(back(plan, mesh)), apply(plan, mesh), states_back(plan, mesh)),
    ):
        known = [set(each) for each in zip(*decided(start, judged, before), strict=True)]
        seen = set()
        for seed in range(2):
            chance = random.Random(seed)  # noqa: S311 - nothing is kept secret by it
            for step, state in interleaved(waves, start, chance):
                if decides(step) and (marks := marked(state)) not in seen:
                    seen.add(marks)
                    now = zip(before, answers(state, before), known, strict=True)
                    odd = [key for (key, _), got, judged in now if got not in judged]
                    assert not odd, (seed, step.id, step.description, odd[:3])


def decided(start, judged, before):
    """What becomes of each question in each state that was judged, each once."""
    found = {id(state): state for state in (start, *(state for _, state in judged))}
    return [answers(state, before) for state in found.values()]


def marked(mesh):
    """What tells states apart."""
    return (frozenset(map(id, mesh.pods)), frozenset(id(each) for found in mesh.resources.values() for each in found))


def move(name, number):
    ref = WorkloadRef("shop", "Deployment", name)
    ids = [f"w001-{number + each:04}" for each in (1, 2)]
    label = SetLabels(ObjectId("apps/v1", "Deployment", "shop", name), {MODE: "ambient"}, {MODE: None}, template=True)
    return Step(ids[0], 1, label, "label"), Step(ids[1], 1, Restart(ref, 1, effect_only=True), "roll", after=(ids[0],))


def moving(*names):
    steps = tuple(step for number, name in enumerate(names) for step in move(name, number * 10))
    wave = Wave(1, "", tuple(step.id for step in steps), rollback=rollback_of(steps))
    return Plan("t", "1.29", "", "", waves=(wave,), steps=steps)


def mesh_of(*more):
    backstage = [m.o.labelled_namespace("shop", {}), m.o.webhook("default")]
    return index(*backstage, *pods("web"), *pods("cart"), service("web"), *more).mesh


ATTACHED = {**policy("at-waypoint", {"to": [{"operation": {"methods": ["DELETE"]}}]}, action="DENY")}
ATTACHED["spec"] = {**ATTACHED["spec"], "targetRefs": [{"kind": "Service", "name": "cart"}]}
BOUND = mesh_of(
    service("cart", labels={"istio.io/use-waypoint": "waypoint"}), m.o.waypoint("waypoint", "shop"), ATTACHED,
    policy("at-sidecar", {"to": [{"operation": {"methods": ["DELETE"]}}]}, action="DENY", app="cart"),
)  # fmt: skip


def test_moves_that_nothing_ties_go_beside_each_other():
    plan, mesh = moving("web", "cart"), mesh_of(service("cart"))
    everybody = (frozenset(step.id for step in plan.steps),)
    assert groups(plan, mesh, 1) == everybody
    assert groups_back(plan, mesh, 1) == everybody
    assert groups_back(plan, apply(plan, mesh), 1) == everybody, "who has nothing but the mesh as it is now"


def test_what_would_not_be_taken_back_as_foretold_is_taken_back_one_by_one():
    plan = moving("web", "cart")
    assert groups_back(plan, mesh_of(service("cart")), 1)
    assert groups_back(moving("web", "cart", "nobody"), mesh_of(service("cart")), 1) == ()


def test_a_server_that_only_its_waypoint_guards_does_not_move_beside_its_caller():
    """A sidecar never asks a waypoint: a caller that has moved is refused by it, one that has not is not."""
    plan, today = moving("web", "cart"), MeshIndex.of(BOUND)
    delete = ("web", "cart", get(method="DELETE"))
    on_the_way = {asked(MeshIndex.of(state), *delete) for _, state in states(plan, BOUND)}
    assert {asked(today, *delete), *on_the_way} == {Verdict.DENY}
    assert asked(MeshIndex.of(apply(moving("cart"), BOUND)), *delete) is Verdict.ALLOW
    assert groups(plan, BOUND, 1) == groups_back(plan, BOUND, 1) == ()


def test_workloads_behind_one_service_do_not_move_beside_each_other():
    both = service("cart", selector={"sold": "here"})
    labels = {"sold": "here"}
    backstage = [m.o.labelled_namespace("shop", {}), m.o.webhook("default")]
    mesh = index(*backstage, *pods("web", labels=labels), *pods("cart", labels=labels), both).mesh
    assert groups(moving("web", "cart"), mesh, 1) == ()


def test_what_else_decides_is_performed_alone_and_in_order():
    plan = moving("web", "cart")
    policies = tuple(
        Step(f"w001-00{number}5", 1, SetLabels(ObjectId("v1", "Service", "shop", "cart"), {"a": "b"}, {}), "label")
        for number in (0, 1)
    )
    steps = sorted((*plan.steps, *policies), key=lambda step: step.id)
    plan = replace(plan, steps=tuple(steps))
    mesh = mesh_of(service("cart"))
    assert groups(plan, mesh, 1) == ()
    done = set()
    while len(done) < len(steps):
        free = list(startable(steps, [step for step in steps if step.id not in done], done, (), groups(plan, mesh, 1)))
        assert [step.id for step in free] == [steps[len(done)].id]
        done.add(free[0].id)
