"""What something in a log means, and what usually brings it about."""

from collections.abc import Sequence

from msgspec import Struct

Meaning = tuple[str, tuple[str, ...]]
"""One plain sentence, and the usual causes, those of a migration among them."""

Phrase = tuple[str, Meaning]
"""A phrase in lower case, blanks and not underscores between its words, and what text that contains it means."""


class Statement(Struct, frozen=True):
    """One thing that a line says.

    Attributes:
        about: the piece of the line that it is about, as written.
        meaning: one plain sentence.
        causes: what usually brings it about, the likeliest first; empty where nothing went wrong.
    """

    about: str
    meaning: str
    causes: tuple[str, ...] = ()


def find(told: str, phrases: Sequence[Phrase]) -> Meaning | None:
    """The meaning of the first phrase that the text contains; Envoy writes underscores for blanks."""
    plain = told.replace("_", " ").lower()
    return next((meaning for phrase, meaning in phrases if phrase in plain), None)
