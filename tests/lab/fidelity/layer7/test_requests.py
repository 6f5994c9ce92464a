"""Requests through sidecars, waypoints and a gateway end as `semantics.decide` says: where, how, and as what."""

import pytest
from tests.lab.fidelity.layer7.manner import REQUESTS_BY_CHANCE
from tests.lab.fidelity.layer7.meshes import case
from tests.lab.fidelity.observe import Ground
from tests.lab.fidelity.run import Tally, check, run
from tests.lab.fidelity.shrink import REQUESTS, kept, read
from tests.support.labs import lab

DECISIONS = 20_000
SEED = 7
_MOST_LATE = 10


@pytest.fixture(scope="module")
def ground():
    with lab(node_count=2) as made:
        yield Ground(made)


@pytest.mark.real
@pytest.mark.xdist_group("fidelity-requests")
@pytest.mark.parametrize("path", kept(REQUESTS), ids=lambda path: path.stem)
def test_a_kept_case_is_answered_as_it_says(ground, path):
    made, tally = read(path), Tally()
    check(ground, made, tally, REQUESTS_BY_CHANCE)
    assert [each.what for each in tally.disagreements] == []
    assert tally.compared == len(made.questions)
    assert (tally.answered == tally.compared) is made.answered


@pytest.mark.real
@pytest.mark.xdist_group("fidelity-requests")
def test_requests_do_what_decide_says(ground):
    tally = Tally()
    for tally in run(ground, SEED, DECISIONS, REQUESTS_BY_CHANCE):
        assert [(each.what, each.case.questions) for each in tally.disagreements] == []
        assert tally.ended == []
        assert ground.rejected == set()
    assert len(tally.late) <= _MOST_LATE
    # Worth something only where much is refused, much is answered and little is not known.
    assert 0.3 < tally.answered / tally.compared < 0.8
    assert tally.spread > 50
    assert tally.unknown.total() < 0.05 * tally.compared


def test_the_same_seed_makes_the_same_meshes():
    assert case(1, 5, 20) == case(1, 5, 20)
    assert case(1, 5, 20) != case(2, 5, 20)
