"""A journal keeps what it was told, and tells when somebody else has written in it."""

import hashlib

import msgspec
import pytest

from sidestep.actions.runs.events import Ended, Ending, Measured, StepBegan, StepDone
from sidestep.actions.runs.journal import FileJournal
from sidestep.errors import WorldError

EVENTS = (StepBegan("a"), StepDone("a", "seen"), Measured("g", None), Ended(Ending.COMPLETED))


@pytest.fixture
def path(tmp_path):
    journal = FileJournal(tmp_path / "journal", lambda: "2026-01-01T00:00:00Z")
    for event in EVENTS:
        journal.append(event)
    return tmp_path / "journal"


def read(path):
    return tuple(each.event for each in FileJournal(path, str).entries())


def test_it_tells_what_it_was_told(path):
    assert read(path) == EVENTS
    assert path.stat().st_mode & 0o777 == 0o600


def test_another_process_goes_on_where_it_ends(path):
    FileJournal(path, str).append(StepBegan("b"))
    assert read(path) == (*EVENTS, StepBegan("b"))


def test_torn_anywhere_in_its_last_line_it_tells_the_rest_and_goes_on(path):
    whole = path.read_bytes()
    start = whole.rfind(b"\n", 0, len(whole) - 1) + 1
    for end in range(start, len(whole)):
        path.write_bytes(whole[:end])
        assert read(path) == EVENTS[:-1]
        FileJournal(path, str).append(StepBegan("b"))
        assert read(path) == (*EVENTS[:-1], StepBegan("b"))


def test_any_other_change_is_noticed(path):
    lines = path.read_bytes().splitlines(keepends=True)
    for changed in (
        [lines[1], lines[0], *lines[2:]],
        [lines[0], *lines[2:]],
        [lines[0].replace(b'"a"', b'"c"'), *lines[1:]],
        [*lines[:2], lines[1], *lines[2:]],
    ):
        path.write_bytes(b"".join(changed))
        with pytest.raises(WorldError, match="the journal is altered: line"):
            read(path)


def test_a_line_of_another_version_is_read_as_far_as_it_is_known(path):
    """One that lacks a field of ours, and one with a field that we do not know."""
    last, lines = "sidestep", []
    for number, event in enumerate(({"type": "stepDone", "step": "a"}, {"type": "stepBegan", "step": "b", "new": 1})):
        bare = {"number": number, "at": "", "event": event, "checksum": ""}
        last = hashlib.sha256(last.encode() + msgspec.json.encode(bare)).hexdigest()
        lines.append(msgspec.json.encode({**bare, "checksum": last}) + b"\n")
    path.write_bytes(b"".join(lines))
    assert read(path) == (StepDone("a"), StepBegan("b"))
    path.write_bytes(b"".join(lines).replace(b'"new":1', b'"new":2'))
    with pytest.raises(WorldError, match="line 2"):
        read(path)
