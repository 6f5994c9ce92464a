"""Which of several addresses a connection uses: on every leg one of the IP family that was dialled."""

from collections.abc import Iterable


def alike(dialled: str, first: str, others: Iterable[str]) -> str:
    """The first address of the family of another; the very first where there is none, or nothing was dialled."""
    six = ":" in dialled
    if not dialled or (":" in first) is six:
        return first
    return next((each for each in others if (":" in each) is six), first)
