"""Logic with a third value, None: what cannot be told as long as something is not known (Kleene's)."""

from collections.abc import Iterable


def every(answers: Iterable[bool | None]) -> bool | None:
    """False if any is; else None if any is; else True."""
    found = list(answers)
    return False if False in found else None if None in found else True


def some(answers: Iterable[bool | None]) -> bool | None:
    """True if any is; else None if any is; else False."""
    found = list(answers)
    return True if True in found else None if None in found else False
