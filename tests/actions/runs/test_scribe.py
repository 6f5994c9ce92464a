"""What several threads tell is kept once, in one order, by few writes; who told something that was not kept hears why."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support.clusters import until

from sidestep.actions.runs.events import StepBegan
from sidestep.actions.runs.journal import MemoryJournal
from sidestep.actions.runs.scribe import Scribe
from sidestep.errors import TransportError

MANY = [StepBegan(f"s{number}") for number in range(20)]


class Held(MemoryJournal):
    """Its first write lasts until it is let go."""

    def __init__(self, error=None):
        super().__init__()
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.writes, self.error = 0, error

    def append(self, *events):
        self.begun.set()
        self.go_on.wait(30)
        self.writes += 1
        if self.error is not None and self.writes > 1:
            raise self.error
        super().append(*events)


def told(journal):
    """One event that is being written, and then many that wait; what became of those."""
    kept = []
    scribe = Scribe(journal, kept.append)
    with ThreadPoolExecutor(len(MANY) + 1) as executor:
        first = executor.submit(scribe.tell, StepBegan("first"))
        assert journal.begun.wait(30)
        others = [executor.submit(scribe.tell, event) for event in MANY]
        until(lambda: len(scribe._queue) == len(MANY))
        journal.go_on.set()
        first.result()
    return kept, [each.exception() for each in others]


def test_who_waits_is_written_together():
    journal = Held()
    kept, errors = told(journal)
    assert errors == [None] * len(MANY)
    assert journal.writes == 2
    assert kept == [entry.event for entry in journal.entries()]
    assert {event.step for event in kept} == {"first", *(event.step for event in MANY)}


def test_everybody_hears_why_nothing_was_kept():
    error = TransportError("gone")
    kept, errors = told(Held(error))
    assert errors == [error] * len(MANY)
    assert kept == [StepBegan("first")]


def test_a_journal_goes_on_after_one_that_failed():
    journal = Held(TransportError("gone"))
    journal.go_on.set()
    scribe = Scribe(journal, lambda _: None)
    scribe.tell(StepBegan("a"))
    with pytest.raises(TransportError):
        scribe.tell(StepBegan("b"))
    journal.error = None
    scribe.tell(StepBegan("c"))
    assert [entry.event.step for entry in journal.entries()] == ["a", "c"]


class Counting(MemoryJournal):
    """How many events each write had."""

    def __init__(self, error=None):
        super().__init__()
        self.error, self.writes = error, []

    def append(self, *events):
        if self.error is not None:
            raise self.error
        self.writes.append(len(events))
        super().append(*events)


def test_what_nobody_waits_for_is_written_with_the_next_line():
    journal, kept = Counting(), []
    scribe = Scribe(journal, kept.append)
    scribe.note(MANY[0])
    scribe.note(MANY[1])
    assert (kept, journal.writes) == (MANY[:2], [])
    scribe.tell(MANY[2])
    assert (kept, journal.writes) == (MANY[:3], [3])
    scribe.write_out()
    scribe.note(MANY[3])
    scribe.write_out()
    assert journal.writes == [3, 1]
    assert [entry.event for entry in journal.entries()] == MANY[:4]


def test_what_could_not_be_written_out_is_written_later():
    journal, kept = Counting(TransportError("gone")), []
    scribe = Scribe(journal, kept.append)
    scribe.note(MANY[0])
    with pytest.raises(TransportError):
        scribe.write_out()
    with pytest.raises(TransportError):
        scribe.tell(MANY[1])
    journal.error = None
    scribe.tell(MANY[2])
    assert [entry.event for entry in journal.entries()] == kept == [MANY[0], MANY[2]]
