"""What states of a plan foretell is held against what happened."""

import pytest
import yaml
from tests.support.rehearsals import DELETE, GET, counts, example, example_traffic, row
from tests.support.runs import example_plan, manifests

from sidestep.actions.memory import problems
from sidestep.plan.document import Exposure, Plan
from sidestep.plan.naive import GALLERY, naive_plan
from sidestep.plan.planner import PlanRequest, make_plan
from sidestep.plan.steps import Restart, SetLabels
from sidestep.rehearse.prediction import foretold
from sidestep.rehearse.result import Part, Struck
from sidestep.rehearse.summing import expected, struck, told, windows
from sidestep.sources.files import FilesSource
from sidestep.sources.prices import load_prices

QUESTIONS = example_traffic().questions


def test_a_plan_of_ours_foretells_nothing_there_nor_back():
    found = foretold(example_plan(), example(), QUESTIONS)
    assert set(found.values()) == {frozenset()}
    steps = {step.id for step in example_plan().steps}
    assert {step for step, back in found if not back} == steps
    assert {step for step, back in found if back} == {name for wave in example_plan().waves for name in wave.rollback}


def test_labels_alone_are_foretold_to_admit_what_was_refused():
    plan = naive_plan(example())
    found = foretold(plan, example(), QUESTIONS)
    deletes = {each.name for each in QUESTIONS if each.method == "DELETE"}
    assert deletes & found[plan.steps[-1].id, False]
    relabelled = next(
        step for step in plan.steps if isinstance(step.effect, SetLabels) and "orders" in step.description
    )
    assert deletes & found[relabelled.id, False], "new labels bring new pods before anybody restarts them"


def test_states_follow_the_order_in_which_steps_were_begun():
    plan = example_plan()
    close = next(step.id for step in plan.steps if step.description.startswith("refuse who comes"))
    begun = [close, *(step.id for step in plan.steps if step.id != close)]
    found = foretold(plan, example(), QUESTIONS, begun)
    assert "shop/web to shop/orders:80, GET /" in found[close, False], "shut before anybody is behind the waypoint"
    assert not foretold(plan, example(), QUESTIONS)[close, False]


def test_who_has_nobody_left_while_it_restarts_is_foretold_to_lose_its_requests(tmp_path):
    trees = manifests()
    (orders,) = (each for each in trees if each["kind"] == "Deployment" and each["metadata"]["name"] == "orders")
    orders["spec"]["strategy"] = {"type": "Recreate"}
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump_all(trees))
    mesh = FilesSource([str(tmp_path)]).read()
    plan = make_plan(PlanRequest(mesh, load_prices(None)))
    assert [each.requests for each in plan.exposures if each.opens == each.closes] == [
        "calls of Deployment shop/orders meet nobody while it restarts: it ends its last pod before the next is ready"
    ]
    found = foretold(plan, mesh, QUESTIONS)
    (restart,) = (step for step in plan.steps if isinstance(step.effect, Restart) and "orders" in step.description)
    asked = {each.name for each in QUESTIONS if each.allowed and {ref.name for ref in each.servers} == {"orders"}}
    assert asked
    assert found[restart.id, False] == found[restart.id, True] == asked


def part(name, began, seconds=1.0, **more):
    return Part(name, 1, name, began, seconds, **more)


def test_what_is_lost_and_not_foretold_is_named():
    made = counts(row(GET, 1002, 8, 2), row(DELETE, 1005, 0, 4))
    first, second = told([part("a", 2.0), part("b", 5.0)], made, {})
    assert (first.unforetold, first.example) == ((GET.name,), f"{GET.name}: reset")
    assert (second.unforetold, second.example) == ((), "")


def test_what_is_foretold_of_a_step_may_be_met_in_the_second_beside_it():
    named = {("b", False): frozenset({GET.name})}

    def both(*parts):
        return told(parts, counts(row(GET, 1002, 8, 2), away=expected(parts, named, 1000.25)), named)

    near, itself = both(part("a", 2.0, 0.4), part("b", 2.4, 0.1))
    assert (near.unforetold, near.foretold, itself.foretold) == ((), (), (GET.name,))
    far, _ = both(part("a", 2.0, 0.4), part("b", 9.0))
    assert far.unforetold == (GET.name,)
    there, _ = both(part("a", 2.0), part("b", 2.4, back=True))
    assert there.unforetold == (GET.name,), "on the way there, and not back"


def test_a_fault_costs_what_goes_wrong_for_a_while():
    made = counts(row(GET, 1003, 5, 5), row(GET, 1006, 9, 1), row(GET, 1050, 0, 9))
    (found,) = struck([Struck("waypoint", 1, "killed", 2.5)], made)
    assert found.counted.lost == 6
    assert found.recovered == 1007 - 1000.25 - 2.5
    (fine,) = struck([Struck("waypoint", 1, "killed", 20.0)], made)
    assert (fine.counted.lost, fine.recovered) == (0, 0.0)


def test_exposures_are_told_with_what_went_wrong_in_their_time():
    plan = Plan("", "", "", "", exposures=(Exposure(1, "a", "b", "callers", 15), Exposure(1, "b", "", "others"),
                                           Exposure(2, "never", "", "nobody")))  # fmt: skip
    made = counts(row(GET, 1002, 8, 2), row(GET, 1030, 8, 1))
    closed, left = windows(plan, [part("a", 2.0), part("b", 5.0)], made, 40.0)
    assert (closed.requests, closed.foretold, closed.seconds, closed.wrong) == ("callers", 15, 4.0, 2)
    assert (left.foretold, left.seconds, left.wrong) == (None, 35.0, 1)


@pytest.mark.parametrize("name", GALLERY)
def test_what_people_do_without_a_plan_is_foretold_to_fail(name):
    plan = GALLERY[name](example(), example_plan)
    assert problems(plan, example()) == ()
    found = foretold(plan, example(), QUESTIONS)
    assert frozenset().union(*(names for (_, back), names in found.items() if not back))
    assert [step.id for step in plan.steps] == [name for wave in plan.waves for name in wave.steps]
