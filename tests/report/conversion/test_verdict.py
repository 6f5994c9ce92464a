"""A proof of a conversion in a line, whatever was found."""

from msgspec.structs import replace
from tests.support import proofs

from sidestep.prove.proof import Direction
from sidestep.report.conversion.verdict import verdict


def test_every_direction_of_a_difference_has_its_words():
    line = verdict(proofs.nasty())
    assert line.startswith("Not equal: ")
    assert line.count(" on 4 ways") == len(Direction)


def test_what_is_undecided_beside_differences_is_said_too():
    proof = proofs.nasty()
    assert "Undecided" not in verdict(replace(proof, undecided=()))
    line = verdict(proof)
    assert line.startswith("Not equal: ")
    assert f"Undecided on {len(proof.undecided)} of {proof.ways} ways: {proof.undecided[0].reason}." in line
