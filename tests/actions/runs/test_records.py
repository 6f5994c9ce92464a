"""Records of runs, on disk and in a cluster: what was kept is found by the next, and two do not perform at once."""

import os
import time
from itertools import count

import pytest

from sidestep.actions.runs.control import Wish
from sidestep.actions.runs.events import Ended, Ending, Measured, StepBegan, StepDone
from sidestep.actions.runs.in_cluster.records import ClusterRecords
from sidestep.actions.runs.performing import Clock, Patience
from sidestep.actions.runs.records import FileRecords, Held, HeldError
from sidestep.errors import UsageError

EVENTS = (StepBegan("a"), StepDone("a", "seen"), Measured("g", None), Ended(Ending.COMPLETED))
PLAN = b'{"steps": []}'
CLOCK = Clock(time.monotonic, time.sleep)
CLUSTER = pytest.param("cluster", marks=[pytest.mark.real, pytest.mark.xdist_group("kubernetes")])
SPACES = (f"records-{number}" for number in count())


@pytest.fixture(params=["files", CLUSTER])
def opened(request, tmp_path):
    """Opens the same records again and again, as other processes would."""
    if request.param == "files":
        return lambda: FileRecords(tmp_path / "runs", lambda: "2026-01-01T00:00:00Z")
    kubernetes = request.getfixturevalue("kubernetes")
    space = next(SPACES)
    kubernetes.have({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
    patience = Patience(poll=0.05, transport=20)
    return lambda: ClusterRecords(kubernetes.server(), space, lambda: "2026-01-01T00:00:00Z", CLOCK, patience)


@pytest.fixture
def records(opened):
    found = opened()
    found.begin("20260101-0000", PLAN)
    return found


def told(records, run="20260101-0000"):
    return tuple(each.event for each in records.journal(run).entries())


def test_before_the_first_run_there_is_none(opened):
    assert (opened().runs(), opened().holder()) == ((), None)


def test_a_plan_is_kept_whole(records, opened):
    big = os.urandom(1_500_000)
    records.begin("20260102-0000", big)
    assert opened().plan("20260101-0000") == PLAN
    assert opened().plan("20260102-0000") == big
    assert opened().runs() == ("20260101-0000", "20260102-0000")


def test_no_run_is_begun_twice_and_none_is_invented(records):
    with pytest.raises(UsageError, match="there is a run 20260101-0000 already"):
        records.begin("20260101-0000", PLAN)
    for look in (records.plan, records.journal, lambda run: records.ask(run, Wish.PAUSE)):
        with pytest.raises(UsageError, match="there is no run nobody"):
            look("nobody")


def test_a_journal_tells_what_it_was_told_and_goes_on(records, opened):
    journal = records.journal("20260101-0000")
    for event in EVENTS:
        journal.append(event)
    assert told(opened()) == EVENTS
    records.begin("other", PLAN)
    assert told(opened(), "other") == ()
    opened().journal("20260101-0000").append(StepBegan("b"))
    assert told(opened()) == (*EVENTS, StepBegan("b"))


def test_a_journal_longer_than_one_part_is_whole(records, opened):
    journal = records.journal("20260101-0000")
    events = tuple(StepDone(f"w{number:03}", "x" * 900) for number in range(80))
    for event in events:
        journal.append(event)
    assert told(opened()) == events


def test_the_newest_wish_is_heard(records, opened):
    assert opened().wish("20260101-0000") is Wish.GO_ON
    for wish in (Wish.PAUSE, Wish.ABORT, Wish.GO_ON):
        records.ask("20260101-0000", wish)
        assert opened().wish("20260101-0000") is wish


def test_two_do_not_perform_at_once(records, opened):
    with records.hold("20260101-0000", "one") as check:
        check()
        assert opened().holder() == Held("20260101-0000", "one")
        with pytest.raises(HeldError, match="one performs run 20260101-0000 now"), opened().hold("other", "two"):
            pytest.fail("it was held twice")
    assert opened().holder() is None
    with opened().hold("other", "two") as check:
        check()
