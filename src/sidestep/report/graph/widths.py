"""How much of a text fits, without knowing the font: widths of letters in a wide bold sans-serif (DejaVu Sans Bold)."""

_NARROW = frozenset("iIlj.,:;'|!()[]/ ")
_SLIM = frozenset('frt-"*{}')
_BROAD = frozenset("mwMW@%")


def fitted(text: str, room: float) -> str:
    """A text, cut with an ellipsis where it is wider than `room` times its own size."""
    used = 0.0
    for at, letter in enumerate(text):
        used += _width(letter)
        if used > room:
            return f"{_within(text[:at], room - 1.0)}…"
    return text


def _within(text: str, room: float) -> str:
    while text and sum(map(_width, text)) > room:
        text = text[:-1]
    return text


def _width(letter: str) -> float:
    if letter in _NARROW:
        return 0.38
    if letter in _SLIM:
        return 0.47
    if letter in _BROAD:
        return 1.12
    if letter > "\u1100":
        return 1.1
    return 0.77 if letter.isupper() else 0.69
