"""A proof of a conversion in a line."""

from collections import Counter

from sidestep.prove.proof import Conclusion, Direction, Proof

_PRESETS = "refused more often, or refused in another form, is taken for fine"


def verdict(proof: Proof) -> str:
    """What the proof says of the converted mesh, and what was taken for fine."""
    if proof.verdict is Conclusion.EQUAL:
        told = f"Proved: the converted mesh decides as today, on {proof.ways:,} ways ({_PRESETS})."
    elif proof.verdict is Conclusion.UNDECIDED:
        told = f"Undecided on {len(proof.undecided):,} of {proof.ways:,} ways: {proof.undecided[0].reason}."
    else:
        told = f"Not equal: {_counted(proof)} ({_PRESETS})."
    return told


def opened(proof: Proof) -> bool:
    """Whether somebody gets in who was refused."""
    return any(each.direction is Direction.OPEN and not each.accepted for each in proof.counterexamples)


def _counted(proof: Proof) -> str:
    counts = Counter(each.direction for each in proof.counterexamples if not each.accepted)
    return ", ".join(f"{_WORDS[each]} on {counts[each]:,} ways" for each in Direction if counts[each])


_WORDS = {
    Direction.OPEN: "admitted though refused today",
    Direction.CLOSED: "refused though admitted today",
    Direction.ROUTE: "routed otherwise",
    Direction.SHAPE: "refused in another form",
}
