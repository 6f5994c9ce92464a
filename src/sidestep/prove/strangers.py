"""Somebody else: service accounts and namespaces that may come, some for each class that policies can tell apart.

A text that begins with one pattern and ends with another meets the same conditions as the two with something new
between them. So beginnings, ends and names that are written whole are enough, each with the others.
"""

import re
from collections.abc import Iterable
from itertools import product

from msgspec import Struct

from sidestep.semantics.identity import parse_principal

Stranger = tuple[str, str]
"""A namespace and a service account."""
_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")
_NEW = tuple("abcdefghijklmnopqrstuvwxyz0123456789")
"""What stands for something new where a plainer word goes on as a pattern does."""


class Patterns(Struct, frozen=True):
    """What conditions on identities are written with.

    Attributes:
        principals: `domain/ns/NAMESPACE/sa/ACCOUNT`; may begin or end with `*`.
        namespaces: may hold `*`.
        accounts: `NAMESPACE/ACCOUNT`, or of the policy's own namespace.
    """

    principals: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()


def strangers(patterns: Iterable[Patterns], spaces: Iterable[str]) -> tuple[Stranger, ...]:
    """One or more identities for each class, those of something new first.

    Args:
        patterns: of conditions on identities.
        spaces: namespaces that are told apart beside.
    """
    found = _Found(spaces)
    for each in patterns:
        found.note(each)
    return found.all()


class _Texts:
    """What is told apart of one part of a name; `new` is the word for something new."""

    def __init__(self, new: str) -> None:
        self._new = (new, *_NEW)
        self.whole: set[str] = set()
        self._begin, self._inside, self._end = {""}, {""}, {""}

    def pattern(self, text: str) -> None:
        """A text in which each star stands for anything."""
        first, *rest = text.split("*")
        if not rest:
            self.whole.add(text)
            return
        *inside, last = rest
        self._begin.add(first)
        self._inside.update(inside)
        self._end.add(last)

    def all(self) -> list[str]:
        """Names, those with something new in them first."""
        made = (self._with_new(*each) for each in product(sorted(self._begin), sorted(self._inside), sorted(self._end)))
        found = dict.fromkeys((*(each for each in made if each), *sorted(self.whole)))
        return [each for each in found if _NAME.fullmatch(each)]

    def _with_new(self, begin: str, inside: str, end: str) -> str:
        """A name that meets these patterns and none that is longer; empty where there is none."""
        for new in self._new:
            name = f"{begin}{new}{inside}{new if inside else ''}{end}"
            longer = any(len(each) > len(begin) and name.startswith(each) for each in self._begin)
            if not longer and not any(len(each) > len(end) and name.endswith(each) for each in self._end):
                return name
        return ""


class _Found:
    """What is told apart, as it is met."""

    def __init__(self, spaces: Iterable[str]) -> None:
        self._spaces, self._accounts = _Texts("elsewhere"), _Texts("someone")
        self._spaces.whole.update(spaces)
        self._pairs: set[Stranger] = set()

    def note(self, patterns: Patterns) -> None:
        """Everything that a condition is written with."""
        for each in patterns.namespaces:
            self._spaces.pattern(each)
        for each in patterns.accounts:
            self._account(each)
        for each in patterns.principals:
            self._principal(each)

    def _account(self, written: str) -> None:
        space, slash, account = written.partition("/")
        if slash:
            self._pairs.add((space, account))
        else:
            self._accounts.whole.add(written)

    def _principal(self, written: str) -> None:
        told = parse_principal(written)
        if told is not None and "*" not in written:
            self._pairs.add((told.namespace, told.account))
        elif written.endswith("*"):
            self._beginning(written[:-1])
        elif written.startswith("*"):
            self._ending(written[1:])

    def _beginning(self, text: str) -> None:
        parts = text.split("/")
        if len(parts) == 5:
            self._spaces.whole.add(parts[2])
            self._accounts.pattern(f"{parts[4]}*")
        elif len(parts) >= 3:
            self._spaces.pattern(parts[2] if len(parts) == 4 else f"{parts[2]}*")

    def _ending(self, text: str) -> None:
        parts = text.split("/")
        self._accounts.pattern(parts[-1] if len(parts) > 1 else f"*{parts[-1]}")
        if len(parts) > 2:
            self._spaces.pattern(parts[-3] if len(parts) > 3 else f"*{parts[-3]}")

    def all(self) -> tuple[Stranger, ...]:
        """Namespaces each with every account, and those that are named together."""
        pairs = dict.fromkeys(product(self._spaces.all(), self._accounts.all()))
        written = (each for each in sorted(self._pairs) if all(map(_NAME.fullmatch, each)))
        return tuple(pairs | dict.fromkeys(written))
