"""What is accepted, what it does not hide, and what became of entries."""

from datetime import date

import pytest
from tests.support.proofs import GUARD, PATHS, TODAY, shop, walked

from sidestep.prove.accepted import CLOSED, EXPIRED, PRESETS, SHAPE, STALE, Entry, Scope
from sidestep.prove.proof import Conclusion, Direction

LATER, EARLIER = date(2026, 7, 1), date(2026, 5, 31)
SIDECARS, AMBIENT = shop("sidecar", GUARD), shop("ambient", GUARD)


def entry(name="known", expires=LATER, codes=(), direction=None, where="accepted.yaml accepted[0]", **scope):
    return Entry(name, "we looked at it", "team-shop", expires, codes, direction, Scope(**scope), where)


def proof(*entries, before=SIDECARS, after=AMBIENT):
    return walked(before, after, entries=entries)


def reasons(found):
    return {each.accepted for each in found.counterexamples}


def open_ends(found):
    return [each for each in found.counterexamples if not each.accepted]


def test_without_entries_everything_counts():
    found = proof()
    assert found.verdict is Conclusion.DIFFERS
    assert reasons(found) == {""}
    assert found.findings == ()


@pytest.mark.parametrize(
    "accepted",
    [
        entry(direction=Direction.OPEN),
        entry(direction=Direction.OPEN, destination="shop/*"),
        entry(direction=Direction.OPEN, destination="shop/cart", client="*"),
        entry(codes=("D06", "D18", "D30", "D46", "D55", "D60", "D33")),
    ],
)
def test_an_entry_that_fits_makes_it_equal_and_says_why(accepted):
    found = proof(accepted)
    assert found.verdict is Conclusion.EQUAL
    assert reasons(found) == {"known: we looked at it (team-shop, until 2026-07-01)"}
    assert found.findings == ()


def test_a_method_accepts_no_bytes_that_no_proxy_reads():
    found = proof(entry(direction=Direction.OPEN, method="DELETE"))
    assert {each.subject.method for each in open_ends(found)} <= {""}
    assert any(each.accepted for each in found.counterexamples)


@pytest.mark.parametrize(
    "accepted",
    [
        entry(direction=Direction.CLOSED),
        entry(direction=Direction.OPEN, destination="shop/carts"),
        entry(direction=Direction.OPEN, destination="other/*"),
        entry(direction=Direction.OPEN, client="gateway:*"),
        entry(direction=Direction.OPEN, method="GET"),
        entry(direction=Direction.OPEN, path="/elsewhere"),
        entry(codes=("D05",)),
    ],
)
def test_an_entry_that_does_not_fit_accepts_nothing_and_is_stale(accepted):
    found = proof(accepted)
    assert found.verdict is Conclusion.DIFFERS
    assert reasons(found) == {""}
    assert [(each.code, "accepted[0]" in each.entry) for each in found.findings] == [(STALE, True)]


def test_an_expired_entry_accepts_nothing_and_the_last_day_still_counts():
    found = proof(entry(expires=EARLIER, direction=Direction.OPEN))
    assert found.verdict is Conclusion.DIFFERS
    (told,) = found.findings
    assert told.code == EXPIRED
    assert "2026-05-31" in told.message
    assert "still different" in told.message
    assert proof(entry(expires=TODAY, direction=Direction.OPEN)).verdict is Conclusion.EQUAL


def test_an_expired_entry_that_nothing_needs_is_to_be_removed():
    (told,) = proof(entry(expires=EARLIER, direction=Direction.OPEN), after=SIDECARS).findings
    assert (told.code, told.fix) == (EXPIRED, "remove it")


def paths(examples):
    """Of those that carry HTTP."""
    return {each.subject.path for each in examples} - {""}


def test_accepting_one_path_does_not_hide_another_on_the_same_way():
    before, after = shop("sidecar", PATHS), shop("ambient", PATHS)
    shown = paths(proof(before=before, after=after).counterexamples)
    assert len(shown) == 1, "one of a direction is enough"
    entries = [entry(name=path, direction=Direction.OPEN, path=path) for path in ("/a", "/b")]
    assert paths(open_ends(proof(*entries, before=before, after=after))) == set()
    for each in entries:
        half = proof(each, before=before, after=after)
        assert half.verdict is Conclusion.DIFFERS
        assert paths(open_ends(half)) == {"/a", "/b"} - {each.name}


def test_a_code_accepts_only_what_names_no_other():
    assert {each.differences for each in proof().counterexamples} == {("D06",)}
    left = open_ends(proof(entry(codes=("D06",))))
    assert {code for each in left for code in each.differences} == {"D46", "D55"}
    assert all(each.subject.server_first and each.request.endswith("the server speaks first") for each in left)


def test_presets_have_names_and_are_never_stale():
    assert {"shape": SHAPE, "closed": CLOSED} == PRESETS
    assert proof(SHAPE, CLOSED, after=SIDECARS).findings == ()
    closed = proof(CLOSED, before=AMBIENT, after=SIDECARS)
    assert closed.verdict is Conclusion.EQUAL
    assert reasons(closed) == {"preset closed: what is refused more often than before is fine"}


def test_an_entry_is_used_when_any_state_needs_it():
    found = walked(SIDECARS, SIDECARS, AMBIENT, entries=(entry(direction=Direction.OPEN),))
    assert found.verdict is Conclusion.EQUAL
    assert found.findings == ()
