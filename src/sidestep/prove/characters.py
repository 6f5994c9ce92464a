"""Sets of characters as bits of an integer: ASCII, and one bit that stands for everything beyond."""

from collections.abc import Iterator

BEYOND = 128
STAND_IN = "\N{MIDDLE DOT}"
ALL = (1 << (BEYOND + 1)) - 1


def one(char: str) -> int:
    """The set of one character."""
    return 1 << min(ord(char), BEYOND)


def some(chars: str) -> int:
    """The set of the characters of a text."""
    found = 0
    for char in chars:
        found |= one(char)
    return found


def between(first: str, last: str) -> int:
    """A range, both ends included."""
    low, high = min(ord(first), BEYOND), min(ord(last), BEYOND)
    return ((1 << (high + 1)) - 1) & ~((1 << low) - 1) if low <= high else 0


def folded(chars: int) -> int:
    """With the other case of every letter in it."""
    upper, lower = chars & UPPER, chars & LOWER
    return chars | (upper << 32) | (lower >> 32)


def members(chars: int) -> Iterator[str]:
    """The characters of a set; the stand-in for those beyond ASCII."""
    while chars:
        low = chars & -chars
        place = low.bit_length() - 1
        yield STAND_IN if place == BEYOND else chr(place)
        chars ^= low


LOWER, UPPER, DIGITS = between("a", "z"), between("A", "Z"), between("0", "9")
LETTERS = LOWER | UPPER
WORD = LETTERS | DIGITS | one("_")
BLANK = some("\t\n\f\r ")
PRINTABLE = between(" ", "~")
