"""Names of runs sort by when they began, and no two are the same."""

from datetime import UTC, datetime, timedelta, timezone

from sidestep.actions.runs.names import name_of_run

AT = datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC)


def test_by_its_second_and_its_plan():
    assert name_of_run(AT, "9c71aa", ()) == "20260102-030405-9c71"
    assert name_of_run(AT.astimezone(timezone(timedelta(hours=2))), "9c71aa", ()) == "20260102-030405-9c71"


def test_many_of_one_second_come_one_after_the_other():
    names = []
    for digest in ("ffff", "ffff", "0000", "8888"):
        names.append(name_of_run(AT, digest, names))
    assert len(set(names)) == 4
    assert sorted(names) == names


def test_a_run_by_a_clock_that_was_ahead_stays_before():
    assert name_of_run(AT, "0000", ("20260102-235959-ffff",)) == "20260103-000000-0000"
    assert name_of_run(AT, "0000", ("20251231-235959-ffff",)) == "20260102-030405-0000"


def test_names_of_another_shape_say_no_time():
    assert name_of_run(AT, "9c71", ("by-hand", "", "20269999-000000-aaaa")) == "20260102-030405-9c71"
