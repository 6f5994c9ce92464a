"""Regular expressions as Envoy and Istio read them: RE2's syntax, linear time, the whole value."""

from functools import lru_cache
from typing import Protocol

import re2

_SPECIAL = frozenset(r"\.+*?()|[]{}^$")


class Pattern(Protocol):
    """A compiled pattern."""

    def fullmatch(self, text: str, /) -> object | None:
        """A match of the whole text, or None."""

    def search(self, text: str, /) -> object | None:
        """A match anywhere in the text, or None."""


_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> Pattern | None:
    """A pattern as Envoy would compile it; None when RE2 refuses it."""
    try:
        found: Pattern = re2.compile(pattern, _OPTIONS)
    except re2.error:
        return None
    return found


@lru_cache(maxsize=4096)
def quote(text: str) -> str:
    """Text as a pattern that matches exactly it."""
    return "".join(f"\\{char}" if char in _SPECIAL else char for char in text)
