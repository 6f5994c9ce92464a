"""Regular expressions as RE2 reads them, taken apart; what automata cannot say is refused with its name.

Source: RE2's syntax (github.com/google/re2/wiki/Syntax). Only whole matches are asked for, so that the anchors at both
ends say nothing, and greed does not count.
"""

from msgspec import Struct

from sidestep.prove import characters as c

_MOST_REPEATS = 1000
_CLASSES = {"d": c.DIGITS, "w": c.WORD, "s": c.BLANK}
_CONTROLS = {"t": "\t", "n": "\n", "f": "\f", "r": "\r", "v": "\v", "a": "\a"}
_NAMED = {
    "alnum": c.LETTERS | c.DIGITS, "alpha": c.LETTERS, "ascii": (1 << c.BEYOND) - 1, "blank": c.some("\t "),
    "cntrl": c.between("\0", "\x1f") | c.one("\x7f"), "digit": c.DIGITS, "graph": c.between("!", "~"),
    "lower": c.LOWER, "print": c.PRINTABLE, "punct": c.between("!", "~") & ~(c.LETTERS | c.DIGITS),
    "space": c.some("\t\n\v\f\r "), "upper": c.UPPER, "word": c.WORD, "xdigit": c.DIGITS | c.some("abcdefABCDEF"),
}  # fmt: skip


class Undecidable(Exception):  # noqa: N818 - it is an answer, not a fault
    """Why something cannot be decided."""


class OneOf(Struct, frozen=True):
    """One character of a set."""

    chars: int


class Sequence(Struct, frozen=True):
    """One after the other."""

    parts: tuple["Node", ...] = ()


class Either(Struct, frozen=True):
    """Any of several."""

    parts: tuple["Node", ...]


class Repeated(Struct, frozen=True):
    """Something several times; `most` is None for any number."""

    inner: "Node"
    least: int
    most: int | None


Node = OneOf | Sequence | Either | Repeated


def literal(text: str) -> Sequence:
    """A text itself."""
    return Sequence(tuple(OneOf(c.one(char)) for char in text))


ANYTHING = Repeated(OneOf(c.ALL), 0, None)


def parsed(pattern: str) -> Node:
    """The parts of an expression that RE2 takes.

    Raises:
        Undecidable: it uses what automata cannot say, or what is not known here.
    """
    reader = _Reader(pattern)
    found = reader.alternatives(c_fold=False, dot_all=False, depth=0)
    if reader.at < len(pattern):
        raise reader.beyond(pattern[reader.at])
    return found


class _Reader:
    """A position in an expression."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.at = pattern, 0

    def beyond(self, what: str) -> Undecidable:
        return Undecidable(f"the expression {self.pattern!r} is beyond what automata can say ({what!r})")

    def _next(self) -> str:
        return self.pattern[self.at : self.at + 1]

    def _take(self, text: str) -> bool:
        if self.pattern.startswith(text, self.at):
            self.at += len(text)
            return True
        return False

    def alternatives(self, *, c_fold: bool, dot_all: bool, depth: int) -> Node:
        """What stands between bars, to the end of the group."""
        found: list[Node] = []
        while True:
            found.append(self._sequence(c_fold, dot_all, depth))
            if not self._take("|"):
                return found[0] if len(found) == 1 else Either(tuple(found))

    def _sequence(self, fold: bool, dot_all: bool, depth: int) -> Node:
        parts: list[Node] = []
        if depth == 0:
            self._take("^")
        while (char := self._next()) and char not in "|)":
            if char == "$" and depth == 0 and self.pattern[self.at + 1 : self.at + 2] in ("", "|"):
                self.at += 1
                break
            if char == "(" and (flags := self._flags()) is not None:
                fold, dot_all = "i" in flags or fold, "s" in flags or dot_all
                continue
            parts.append(self._repeated(self._atom(fold, dot_all, depth)))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _flags(self) -> str | None:
        """`(?is)`: flags for what follows."""
        end = self.pattern.find(")", self.at)
        inside = self.pattern[self.at + 2 : end]
        if not self.pattern.startswith("(?", self.at) or not inside or not set(inside) <= set("is"):
            return None
        self.at = end + 1
        return inside

    def _atom(self, fold: bool, dot_all: bool, depth: int) -> Node:
        char = self._next()
        self.at += 1
        match char:
            case "(":
                return self._group(fold, dot_all, depth)
            case "[":
                return OneOf(self._set(fold))
            case ".":
                return OneOf(c.ALL if dot_all else c.ALL & ~c.one("\n"))
            case "\\":
                return self._escape(fold)
            case "^" | "$" | "*" | "+" | "?":
                raise self.beyond(char)
            case _:
                return OneOf(_told(char, fold))

    def _group(self, fold: bool, dot_all: bool, depth: int) -> Node:
        if self._take("?"):
            if self._take("P<") or self._take("<"):
                self.at = self.pattern.index(">", self.at) + 1
            else:
                flags, colon, _ = self.pattern[self.at :].partition(":")
                if not colon or not set(flags) <= set("is"):
                    raise self.beyond(f"(?{flags[:8]}")
                fold, dot_all = "i" in flags or fold, "s" in flags or dot_all
                self.at += len(flags) + 1
        found = self.alternatives(c_fold=fold, dot_all=dot_all, depth=depth + 1)
        if not self._take(")"):
            raise self.beyond("(")
        return found

    def _repeated(self, inner: Node) -> Node:
        while (char := self._next()) and char in "*+?{":
            if char == "{":
                bounds = self._bounds()
                if bounds is None:
                    self.at += 1
                    inner = Sequence((inner, OneOf(c.one("{"))))
                    continue
                inner = Repeated(inner, *bounds)
            else:
                self.at += 1
                inner = Repeated(inner, int(char == "+"), 1 if char == "?" else None)
            self._take("?")
        return inner

    def _bounds(self) -> tuple[int, int | None] | None:
        end = self.pattern.find("}", self.at)
        least, comma, most = self.pattern[self.at + 1 : max(end, 0)].partition(",")
        if end < 0 or not least.isdigit() or (most and not most.isdigit()):
            return None
        self.at = end + 1
        low = int(least)
        high = (int(most) if most else None) if comma else low
        if max(low, high or 0) > _MOST_REPEATS:
            raise self.beyond("{")
        return low, high

    def _escape(self, fold: bool) -> Node:
        char = self._next()
        self.at += 1
        if char == "Q":
            end = self.pattern.find("\\E", self.at)
            text = self.pattern[self.at : end if end >= 0 else None]
            self.at = end + 2 if end >= 0 else len(self.pattern)
            return Sequence(tuple(OneOf(_told(each, fold)) for each in text))
        return OneOf(_told_set(self._escaped(char), fold))

    def _escaped(self, char: str) -> int:
        """What stands for a class or a character behind a backslash, inside of a set and outside."""
        if char.lower() in _CLASSES:
            found = _CLASSES[char.lower()]
            return found if char.islower() else c.ALL & ~found
        if char in _CONTROLS:
            return c.one(_CONTROLS[char])
        if char == "x":
            return c.one(self._hexadecimal())
        if not char or char.isalnum() or not char.isascii():
            raise self.beyond(f"\\{char}")
        return c.one(char)

    def _hexadecimal(self) -> str:
        if self._take("{"):
            end = self.pattern.index("}", self.at)
            digits, self.at = self.pattern[self.at : end], end + 1
        else:
            digits, self.at = self.pattern[self.at : self.at + 2], self.at + 2
        return chr(int(digits, 16))

    def _set(self, fold: bool) -> int:
        negated, found, first = self._take("^"), 0, True
        while first or self._next() != "]":
            if not self._next():
                raise self.beyond("[")
            first = False
            found |= self._named() or self._range()
        self.at += 1
        found = c.folded(found) if fold else found
        return c.ALL & ~found if negated else found

    def _named(self) -> int:
        """`[:alpha:]` within a set."""
        if not self.pattern.startswith("[:", self.at):
            return 0
        end = self.pattern.find(":]", self.at)
        name = self.pattern[self.at + 2 : end]
        chars = _NAMED.get(name.removeprefix("^"))
        if end < 0 or chars is None:
            raise self.beyond(f"[:{name[:8]}")
        self.at = end + 2
        return c.ALL & ~chars if name.startswith("^") else chars

    def _range(self) -> int:
        first = self._member()
        if self._next() != "-" or self.pattern[self.at + 1 : self.at + 2] == "]" or first.bit_count() != 1:
            return first
        self.at += 1
        last = self._member()
        low, high = first.bit_length() - 1, last.bit_length() - 1
        return ((1 << (high + 1)) - 1) & ~((1 << low) - 1)

    def _member(self) -> int:
        char = self._next()
        self.at += 1
        if char == "\\":
            self.at += 1
            return self._escaped(self.pattern[self.at - 1 : self.at])
        return c.one(char)


def _told(char: str, fold: bool) -> int:
    return _told_set(c.one(char), fold)


def _told_set(chars: int, fold: bool) -> int:
    return c.folded(chars) if fold else chars
