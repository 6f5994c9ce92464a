"""A proof of a conversion in a line."""

from collections import Counter
from typing import assert_never

from sidestep.prove.proof import Conclusion, Direction, Proof
from sidestep.report.units import count

_PRESETS = "refused more often, or refused in another form, is taken for fine"


def verdict(proof: Proof) -> str:
    """What the proof says of the converted mesh, and what was taken for fine."""
    if proof.verdict is Conclusion.EQUAL:
        told = f"Proved: the converted mesh decides as today, on {count(proof.ways, 'way')} ({_PRESETS})."
    elif proof.verdict is Conclusion.UNDECIDED:
        told = _undecided(proof)
    else:
        differs = f"Not equal: {_counted(proof)} ({_PRESETS})."
        told = f"{differs} {_undecided(proof)}" if proof.undecided else differs
    return told


def opened(proof: Proof) -> bool:
    """Whether somebody gets in who was refused."""
    return any(each.direction is Direction.OPEN and not each.accepted for each in proof.counterexamples)


def until_done(proof: Proof) -> str:
    """How requests fare that are not decided as today, while changes are left to be done; empty where all are."""
    told = []
    if proof.counterexamples:
        told.append(f"requests are {_counted(proof)}")
    if proof.undecided:
        told.append(f"{len(proof.undecided):,} of {proof.ways:,} ways are undecided: {proof.undecided[0].reason}")
    return "; ".join(told)


def _undecided(proof: Proof) -> str:
    return f"Undecided on {len(proof.undecided):,} of {proof.ways:,} ways: {proof.undecided[0].reason}."


def _counted(proof: Proof) -> str:
    counts = Counter(each.direction for each in proof.counterexamples if not each.accepted)
    return ", ".join(f"{_word(each)} on {count(counts[each], 'way')}" for each in Direction if counts[each])


def _word(direction: Direction) -> str:
    match direction:
        case Direction.OPEN:
            word = "admitted though refused today"
        case Direction.CLOSED:
            word = "refused though admitted today"
        case Direction.ROUTE:
            word = "routed otherwise"
        case Direction.SEEN:
            word = "seen otherwise by the application, an audit or a dry run"
        case Direction.SHAPE:
            word = "refused in another form"
        case _:
            assert_never(direction)
    return word
