"""Names that somebody may have meant."""

from collections.abc import Collection, Sequence
from difflib import get_close_matches

_MOST = 8
_ALIKE = 0.5


def nearest(wrong: str, known: Collection[str]) -> tuple[str, ...]:
    """Up to eight names, those that look most like the wrong one first; all of them where there are so few."""
    ordered = sorted(set(known))
    alike = get_close_matches(wrong, ordered, _MOST, _ALIKE)
    rest = [name for name in ordered if name not in alike]
    return tuple(alike or (rest if len(rest) <= _MOST else ())) + tuple(rest if alike and len(ordered) <= _MOST else ())


def listed(names: Sequence[str], most: int = _MOST) -> str:
    """A list for a sentence; how many are left out is said."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def suggestion(wrong: str, known: Collection[str], what: str) -> str:
    """What to write instead, e.g. `its services are a, b`."""
    if not known:
        return f"there are no {what}"
    close = nearest(wrong, known)
    if close:
        return f"{what}: {listed(close)}"
    return f"{what}, {len(known)} of them, among them {listed(sorted(known))}"
