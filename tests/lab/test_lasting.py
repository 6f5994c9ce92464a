"""A connection that lasts is told, waited for, or cut after it was waited for, as the plan says: seen by a lab's packets."""

from contextlib import contextmanager

import pytest
from msgspec.structs import replace
from tests.support.labs import ambient, eventually, lab, workload
from tests.support.runs import events, runner

from sidestep.actions.gates.judging import Answer
from sidestep.actions.runs.events import Ending, Lasts, StepBegan, StepDone, StepFailed
from sidestep.actions.runs.journal import MemoryJournal
from sidestep.actions.runs.performing import Patience
from sidestep.actions.worlds.lab import LabWorld
from sidestep.lab.api import messages as api
from sidestep.model.kinds import POD
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.choreography import Lasting, Move, wave_steps
from sidestep.plan.document import Plan, Wave
from sidestep.plan.gates import old_connections
from sidestep.plan.steps import Gate, Restart, SetLabels
from sidestep.rehearse.gates import Gates
from sidestep.rehearse.looks import Looks, Taken, connections

pytestmark = pytest.mark.real
EDGE = api.Edge("web to cart", "shop/Deployment/web", "http://cart/", 5, connections=1)
CART = WorkloadRef("shop", "Deployment", "cart")
OLD = 2
"""Seconds after which a connection is old here; ten minutes are too long for a test."""
PATIENCE = Patience(poll=0.05, rollout=60, look=0.2, window=3, past=1)


@pytest.fixture(scope="module")
def shop():
    with lab(ambient("shop"), *workload("web"), *workload("cart"), node_count=1) as made:
        yield made


@contextmanager
def one_connection(made):
    """One connection from web to cart, open and in use; whoever looks began after it was opened."""
    assert eventually(lambda: len(made.client.ask(api.List(POD.key, "shop"))) == 2), "old pods are gone"
    assert eventually(lambda: taken(made).opened == taken(made).closed), "and with them their connections"
    made.client.ask(api.Drive([EDGE]))
    try:
        assert eventually(lambda: taken(made).opened > taken(made).closed)
        with Looks(made.client) as looks:
            gates = Gates(lambda _: [], {}, looks, lambda _: 0)
            query = old_connections(CART).reading.value
            assert eventually(lambda: (gates.measure(query, OLD) or 0) >= 1)
            yield LabWorld("one", made.client, gates.measure)
    finally:
        made.client.ask(api.Drive([]))


def taken(made):
    return connections(made.client.ask(api.Metrics())).get(("shop", "cart"), Taken())


def plan(lasting):
    """What a plan does to a workload of bytes until its pods are new; with connections that are old sooner."""
    move = Move(CART, ObjectId("apps/v1", "Deployment", "shop", "cart"), {}, 1, lasting=lasting)
    kinds = (SetLabels, Restart) if lasting is Lasting.CUT else (Gate, SetLabels, Restart)
    steps = tuple(young(step) for step in wave_steps(1, (move,))[: len(kinds)])
    assert tuple(type(step.effect) for step in steps) == kinds
    names = tuple(step.id for step in steps)
    return Plan("test", "1.29", "", "", waves=(Wave(1, "one", names, rollback=names[::-1]),), steps=steps)


def young(step):
    if not isinstance(step.effect, Gate):
        return step
    return replace(step, effect=replace(step.effect, reading=replace(step.effect.reading, over=OLD)))


@pytest.fixture
def carried(shop):
    """Carries such a plan out while the connection is open: the journal, how it ended, and whether it was cut."""

    def carry(lasting, heard=lambda _: None):
        journal = MemoryJournal()
        with one_connection(shop) as world:
            before = taken(shop).closed
            ended = runner(plan(lasting), world, journal, real=True, patience=PATIENCE, heard=heard).run()
            over = ended.how is Ending.COMPLETED
            cut = eventually(lambda: taken(shop).closed > before) if over else taken(shop).closed > before
        if over:
            back = runner(plan(lasting), LabWorld("one", shop.client), journal, real=True)
            assert back.take_back(1, "as it was").how is Ending.REVERSED
        return journal, ended, cut

    return carry


def test_one_that_is_waited_for_in_vain_stops_the_wave_and_is_not_cut(carried):
    journal, ended, cut = carried(Lasting.WAIT)
    (failed,) = events(journal, StepFailed)
    assert "old-connections: 1, and at most 0 is fine" in failed.why
    assert (ended.how, cut) == (Ending.REVERSED, False)
    assert not events(journal, StepDone)


def test_one_that_ends_while_it_is_waited_for_holds_nothing_up(carried, shop):
    def end(event):
        if isinstance(event, StepBegan) and event.step == "w001-0001":
            shop.client.ask(api.Drive([]))

    journal, ended, _ = carried(Lasting.WAIT, end)
    assert ended.how is Ending.COMPLETED, ended.why
    assert events(journal, StepDone)[0].told == "old-connections: 0, and at most 0 is fine"


def test_one_that_is_drained_in_vain_is_told_and_cut(carried):
    journal, ended, cut = carried(Lasting.DRAIN)
    assert (ended.how, cut) == (Ending.COMPLETED, True), ended.why
    gate, *_ = events(journal, StepDone)
    assert (gate.answer, gate.told) == (Answer.FAILS, "old-connections: 1, and at most 0 is fine")


def test_one_that_nobody_waits_for_is_cut_with_notice(carried):
    journal, ended, cut = carried(Lasting.CUT)
    assert (ended.how, cut) == (Ending.COMPLETED, True), ended.why
    (told,) = events(journal, Lasts)
    assert (told.step, told.connections) == ("w001-0002", 1)
