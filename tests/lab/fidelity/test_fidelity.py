"""Connections through a real lab are answered or refused as `semantics.decide` says, by whom it says."""

import pytest
from tests.lab.fidelity.meshes import Case, Question, case
from tests.lab.fidelity.observe import Ground
from tests.lab.fidelity.run import Tally, check, run
from tests.lab.fidelity.shrink import kept, read, shrunk
from tests.support.labs import eventually, lab

from sidestep.lab.api import messages as api

DECISIONS = 10_000
SEED = 6
_MOST_LATE = 5


@pytest.fixture(scope="module")
def ground():
    with lab(node_count=2) as made:
        yield Ground(made)


@pytest.mark.real
@pytest.mark.xdist_group("fidelity")
@pytest.mark.parametrize("path", kept(), ids=lambda path: path.stem)
def test_a_kept_case_is_answered_as_it_says(ground, path):
    made, tally = read(path), Tally()
    check(ground, made, tally)
    assert [each.what for each in tally.disagreements] == []
    assert tally.ended == []
    assert tally.compared == len(made.questions)
    assert (tally.answered == tally.compared) is made.answered


@pytest.mark.real
@pytest.mark.xdist_group("fidelity")
def test_verify_expects_no_inbound_capture_of_a_pod_that_bypasses_it(ground):
    ground.become(next(read(path) for path in kept() if path.stem == "bypassed-inbound-plaintext"))
    rows = {each["pod"].rpartition("-")[0].rpartition("-")[0]: each for each in ground.verify()}
    assert (rows["shop/cart"]["outbound"], rows["shop/cart"]["inbound"]) == ("proxy", "nobody")
    assert (rows["shop/web"]["outbound"], rows["shop/web"]["inbound"]) == ("proxy", "proxy")
    assert all(each["right"] for each in rows.values())


@pytest.mark.real
@pytest.mark.xdist_group("fidelity")
def test_a_mesh_during_which_a_proxy_ends_is_asked_again_and_the_end_is_counted(ground):
    made, tally = next(read(path) for path in kept() if path.stem == "bypassed-inbound-plaintext"), Tally()
    ground.become(made)
    ground.lab.client.ask(api.Fault("envoy/node-1", "kill"))
    assert eventually(
        lambda: any("envoy/node-1: ended" in each for each in ground.lab.client.ask(api.Status())["said"])
    )
    check(ground, made, tally)
    assert (len(tally.ended), tally.compared, tally.disagreements) == (1, len(made.questions), [])


@pytest.mark.real
@pytest.mark.xdist_group("fidelity")
def test_packets_do_what_decide_says(ground):
    tally = Tally()
    for tally in run(ground, SEED, DECISIONS):
        assert [(each.what, each.case.questions) for each in tally.disagreements] == []
        assert tally.ended == []
    assert len(tally.late) <= _MOST_LATE
    # Worth something only where much is refused, much is answered and little is not known.
    assert 0.3 < tally.answered / tally.compared < 0.8
    assert tally.spread > 100
    assert tally.unknown.total() < 0.05 * tally.compared


def test_the_same_seed_makes_the_same_meshes():
    assert case(1, 5, 20) == case(1, 5, 20)
    assert case(1, 5, 20) != case(2, 5, 20)


def test_what_does_not_matter_is_taken_away():
    made = case(1, 5, 1)
    matters = next(each for each in made.objects if each["kind"] == "Service")
    small = shrunk(made, lambda less: matters["metadata"] in [each["metadata"] for each in less.objects])
    assert [each["kind"] for each in small.objects if each["kind"] != "Namespace"] == ["Service"]
    assert isinstance(small, Case)
    assert all(isinstance(each, Question) for each in small.questions)
