"""Every difference of the catalogue that a decision can show is found on its minimal mesh, there and back.

What is left of it after a plan and a conversion is told: nothing, or something that is proved to be left.
"""

from functools import cache
from pathlib import Path

import pytest
from tests.semantics.differences.cases import CASES
from tests.semantics.differences.proved import OPAQUE, PROVED
from tests.support.migrations import migrated, shown, town
from tests.support.scenes import policy

from sidestep.convert.rewrite import Severity
from sidestep.prove.outcome import Assume, Leave
from sidestep.prove.proof import Conclusion, Direction
from sidestep.prove.prover import Terms, prove
from sidestep.semantics.differences.catalogue import BY_CODE, DIFFERENCES
from sidestep.semantics.differences.difference import Direction as Goes

_STRICT = Terms(Leave.NOTHING, assume=Assume.NOTHING)
_HOSTS = Terms(Leave.NOTHING, assume=Assume.EVERYTHING & ~Assume.HOSTS)
_GOES = {
    Goes.OPEN: {Direction.OPEN},
    Goes.CLOSED: {Direction.CLOSED},
    Goes.BOTH: {Direction.OPEN, Direction.CLOSED},
    Goes.ROUTE: {Direction.ROUTE, Direction.OPEN, Direction.SEEN},
    Goes.OBSERVED: {Direction.SEEN, Direction.SHAPE, Direction.ROUTE},
    Goes.INEXPRESSIBLE: {Direction.OPEN, Direction.CLOSED},
}
_SAME_IN_EFFECT = {"D14"}
"""Both meshes do the same with every request."""
_NEEDS_A_WAYPOINT = policy(
    "needs-a-waypoint", {"to": [{"operation": {"methods": ["TRACE"]}}]}, action="DENY", app="cart"
)
_BY_CODE = {row.code: row for row in PROVED}
_NAMES = [f"{case.code} {case.name}" for case in CASES]
_GRAVITY = list(reversed(Severity))
"""The gravest last; a case of a difference may be told more gravely than the least of them."""
_WORST = [Conclusion.EQUAL, Conclusion.UNDECIDED, Conclusion.DIFFERS]


def cases_of(code):
    return [case for case in CASES if case.code == code]


@cache
def proofs(number, *, back=False):
    """From the first mesh of a case to the second, or back, with nothing taken for granted and with what is usual."""
    case = CASES[number]
    before, after = case.index(case.before), case.index(case.after)
    pair = (after, before) if back else (before, after)
    return [prove(*pair, terms) for terms in (_STRICT, _HOSTS)]


def directions(code, *, back=False):
    """In which a difference is found in any of its cases."""
    numbers = [number for number, case in enumerate(CASES) if case.code == code]
    found = [each for number in numbers for proof in proofs(number, back=back) for each in proof.counterexamples]
    return {each.direction for each in found if code in each.differences}


def test_no_difference_is_forgotten():
    assert [row.code for row in PROVED] == sorted({case.code for case in CASES})
    shown_by_none = {each.code for each in DIFFERENCES} - set(_BY_CODE)
    assert all(BY_CODE[code].undecidable for code in shown_by_none)
    assert shown_by_none > set(OPAQUE)
    listed = (Path(__file__).parents[2] / "docs" / "what-the-proof-covers.md").read_text()
    assert all(f"[{code}](differences/{code}.md)" in listed for code in shown_by_none)
    assert {row.code for row in PROVED if not row.found} == _SAME_IN_EFFECT


@pytest.mark.parametrize("number", range(len(CASES)), ids=_NAMES)
def test_each_case_finds_it(number):
    code = CASES[number].code
    found = {each.direction for proof in proofs(number) for each in proof.counterexamples if code in each.differences}
    if code in _SAME_IN_EFFECT:
        assert not found
    else:
        assert found & _GOES[BY_CODE[code].direction]


@pytest.mark.parametrize("row", PROVED, ids=_BY_CODE)
def test_it_is_found_there_and_back(row):
    assert directions(row.code) == set(row.found)
    assert directions(row.code, back=True) == set(row.found_back)


def _gravest(severities):
    return max(map(_GRAVITY.index, severities), default=-1)


@pytest.mark.parametrize("row", PROVED, ids=_BY_CODE)
def test_what_is_left_after_plan_and_conversion(row):
    """The meshes of its cases, each as it is and with a reason for a waypoint."""
    meshes = [
        town(*case.before, *more, version=case.version)
        for case in cases_of(row.code)
        for more in ((), (_NEEDS_A_WAYPOINT,))
    ]
    found = [(each, each.proof()) for each in map(migrated, meshes)]
    assert max((proof.verdict for _, proof in found), key=_WORST.index) is row.end
    assert {code for each, _ in found for code in each.rewrites} - _ALWAYS == set(row.rewrites)
    assert {name for each, _ in found for name in each.staying} == set(row.staying)
    left = [(each, proof) for each, proof in found if proof.verdict is Conclusion.DIFFERS]
    assert all(row.code in {code for each in shown(proof) for code in each.differences} for _, proof in left)
    assert all(row.told is None or _gravest(each.severities) >= _GRAVITY.index(row.told) for each, _ in left)
    assert bool(row.why) is (row.end is not Conclusion.EQUAL)


_ALWAYS = {"SID308", "SID309"}
"""What moves pods."""


@pytest.mark.parametrize("case", CASES, ids=_NAMES)
def test_a_mesh_is_equal_to_itself(case):
    for objects in (case.before, case.after):
        one, other = case.index(objects), case.index(objects)
        proof = prove(one, other, _STRICT)
        assert proof.verdict is not Conclusion.DIFFERS
        assert not proof.counterexamples


@pytest.mark.parametrize("number", range(len(CASES)), ids=_NAMES)
def test_nothing_is_found_that_does_not_happen_again(number):
    both = (*proofs(number), *proofs(number, back=True))
    assert not [each for proof in both for each in proof.undecided if "internal error" in each.reason]
