"""All languages of one text at once as one automaton, walked only as far as texts can tell them apart.

The states are sets of positions (Glushkov's construction) as bits of an integer: a language that a text has left costs
nothing any more, so that thousands of texts and prefixes are walked like one tree.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from typing import Any

from msgspec import Struct

from sidestep.prove.characters import BEYOND, members
from sidestep.prove.expressions import Either, Node, OneOf, Repeated, Sequence, Undecidable, literal

_MOST_POSITIONS = 60_000
_PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789-_.~/ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_HEXADECIMAL = frozenset("0123456789abcdefABCDEF")
_PLAINNESS = {char: place for place, char in enumerate(_PLAIN)}


class Part(Struct, frozen=True, gc=False):
    """A piece of the automaton: the positions where it begins and ends, as bits, and whether it may be empty."""

    first: int
    last: int
    empty: bool


class Guard(Struct, frozen=True):
    """What texts must be beside: an automaton by a function.

    Attributes:
        knows: characters that it tells from others; behind a percent sign digits too.
        start: its first state.
        step: the next state; None where no text goes on so.
        fine: whether a text may end in a state.
    """

    knows: frozenset[str] = frozenset()
    start: Hashable = 0
    step: Callable[[Any, str], Hashable | None] = lambda state, _char: state
    fine: Callable[[Any], bool] = lambda _state: True


UNGUARDED = Guard()


class Automaton:
    """Languages that are told apart by walking."""

    def __init__(self) -> None:
        self._chars: list[int] = []
        self._follow: list[int] = []
        self.parts: list[Part] = []
        self.owned: list[int] = []

    def add(self, node: Node) -> int:
        """Add a language; the number that it is known by."""
        before = len(self._chars)
        return self._kept(self._built(node), before)

    def add_rewritten(self, head: str, into: str, node: Node) -> int:
        """Texts that begin with `head`, and belong to a language once that beginning is replaced by `into`."""
        before = len(self._chars)
        rest = self._after(self._built(node), into)
        return self._kept(self._joined(self._built(literal(head)), rest), before)

    def _kept(self, part: Part, before: int) -> int:
        self.parts.append(part)
        self.owned.append(((1 << len(self._chars)) - 1) & ~((1 << before) - 1))
        return len(self.parts) - 1

    def _after(self, part: Part, text: str) -> Part:
        """What is left of a language behind a text."""
        reached, empty = part.first, part.empty
        for char in text:
            here = self._on(reached, char)
            reached, empty = self._next(here), bool(here & part.last)
        return Part(reached, part.last, empty)

    def _on(self, reached: int, char: str) -> int:
        bit = 1 << min(ord(char), BEYOND)
        found = 0
        for place in _bits(reached):
            if self._chars[place] & bit:
                found |= 1 << place
        return found

    def _next(self, state: int) -> int:
        found = 0
        for place in _bits(state):
            found |= self._follow[place]
        return found

    def _built(self, node: Node) -> Part:
        match node:
            case OneOf():
                return self._position(node.chars)
            case Sequence():
                found = Part(0, 0, empty=True)
                for part in node.parts:
                    found = self._joined(found, self._built(part))
                return found
            case Either():
                return self._either([self._built(part) for part in node.parts])
            case Repeated():
                return self._repeated(node)

    @staticmethod
    def _either(parts: list[Part]) -> Part:
        first = last = 0
        for part in parts:
            first, last = first | part.first, last | part.last
        return Part(first, last, any(part.empty for part in parts))

    def _position(self, chars: int) -> Part:
        if len(self._chars) >= _MOST_POSITIONS:
            raise Undecidable(f"the matchers of one text have more than {_MOST_POSITIONS:,} positions")
        self._chars.append(chars)
        self._follow.append(0)
        bit = 1 << (len(self._chars) - 1)
        return Part(bit, bit, empty=False)

    def _joined(self, one: Part, other: Part) -> Part:
        self._link(one.last, other.first)
        first = one.first | other.first if one.empty else one.first
        last = one.last | other.last if other.empty else other.last
        return Part(first, last, one.empty and other.empty)

    def _link(self, ends: int, beginnings: int) -> None:
        for place in _bits(ends):
            self._follow[place] |= beginnings

    def _repeated(self, node: Repeated) -> Part:
        found = Part(0, 0, empty=True)
        for _ in range(node.least):
            found = self._joined(found, self._built(node.inner))
        if node.most is None:
            again = self._built(node.inner)
            self._link(again.last, again.first)
            return self._joined(found, Part(again.first, again.last, empty=True))
        for _ in range(node.most - node.least):
            more = self._built(node.inner)
            found = self._joined(found, Part(more.first, more.last, empty=True))
        return found

    def texts(
        self, allowed: int, start: str = "", guard: Guard = UNGUARDED, most: int = 20_000, must: tuple[int, ...] = ()
    ) -> Iterator[tuple[str, frozenset[int]]]:
        """The plainest text for each combination of languages, with their numbers, the shortest first.

        Args:
            allowed: characters that texts consist of.
            start: how all of them begin.
            guard: what they must be beside.
            most: states that are looked at.
            must: languages of which each text must belong to one; none for any text.

        Raises:
            Undecidable: there are more states.
        """
        walk = _Walk(self, allowed, guard, most, must)
        yield from walk.texts(start)

    @property
    def positions(self) -> tuple[list[int], list[int]]:
        """Characters and followers of all positions."""
        return self._chars, self._follow


class _Walk:
    """One walk, the shortest texts first."""

    def __init__(self, of: Automaton, allowed: int, guard: Guard, most: int, must: tuple[int, ...]) -> None:
        self._chars, self._follow = of.positions
        self._parts, self._guard, self._most = of.parts, guard, most
        self._must, self._alive = must, 0
        for number in must:
            self._alive |= of.owned[number]
        self._letters = self._grouped(allowed)
        self._ends: dict[int, list[int]] = {}
        self._finals = 0
        for number, part in enumerate(of.parts):
            self._finals |= part.last
            for place in _bits(part.last):
                self._ends.setdefault(place, []).append(number)

    def _grouped(self, allowed: int) -> list[tuple[str, int]]:
        """One letter for each set of positions that letters stand on; the guard may know single ones."""
        on: dict[str, int] = dict.fromkeys(members(allowed), 0)
        by_chars: dict[int, int] = {}
        for place, chars in enumerate(self._chars):
            by_chars[chars] = by_chars.get(chars, 0) | (1 << place)
        for chars, places in by_chars.items():
            for char in members(chars & allowed):
                on[char] |= places
        knows = self._guard.knows & on.keys()
        chosen = _chosen(on, knows)
        if "%" in chosen and knows:
            chosen = _chosen(on, knows | (_HEXADECIMAL & on.keys()))
        return [(char, on[char]) for char in sorted(chosen, key=_plainness)]

    def texts(self, start: str) -> Iterator[tuple[str, frozenset[int]]]:
        state, side, empty = self._begun(start)
        if side is None:
            return
        seen = {(state, side)}
        found: set[frozenset[int]] = set()
        waiting = deque([(state, side, start)])
        while waiting:
            state, side, text = waiting.popleft()
            taken = self._taken(state) if text else empty
            if taken not in found and self._guard.fine(side) and self._wanted(taken):
                found.add(taken)
                yield text, taken
            for after, beside, longer in self._steps(state, side, text):
                if (after, beside) not in seen:
                    seen.add((after, beside))
                    waiting.append((after, beside, longer))
            if len(seen) > self._most:
                raise Undecidable(f"more than {self._most:,} states of {len(self._parts)} matchers on one text")

    def _begun(self, start: str) -> tuple[int, Hashable | None, frozenset[int]]:
        """The state is a set of positions just read; -1 before the first letter."""
        empty = frozenset(number for number, part in enumerate(self._parts) if part.empty)
        state, side = -1, self._guard.start
        for char in start:
            beside = self._guard.step(side, char)
            if beside is None:
                return state, None, empty
            bit, reached = 1 << min(ord(char), BEYOND), 0
            for place in _bits(self._reachable(state)):
                if self._chars[place] & bit:
                    reached |= 1 << place
            state, side = reached, beside
        return state, side, empty

    def _reachable(self, state: int) -> int:
        found = 0
        if state < 0:
            for part in self._parts:
                found |= part.first
            return found
        for place in _bits(state):
            found |= self._follow[place]
        return found

    def _steps(self, state: int, side: Hashable, text: str) -> Iterator[tuple[int, Hashable, str]]:
        reachable = self._reachable(state)
        for char, places in self._letters:
            beside = self._guard.step(side, char)
            after = reachable & places
            if beside is not None and (not self._must or after & self._alive):
                yield after, beside, text + char

    def _taken(self, state: int) -> frozenset[int]:
        return frozenset(number for place in _bits(state & self._finals) for number in self._ends[place])

    def _wanted(self, taken: frozenset[int]) -> bool:
        return not self._must or any(number in taken for number in self._must)


def _chosen(on: dict[str, int], knows: frozenset[str]) -> set[str]:
    """One letter of those that all languages treat alike: one that the guard does not know, or else all that it does.

    Nothing is lost by that: where the guard lets a letter pass that it knows, it lets any other.
    """
    free: dict[int, str] = {}
    for char in sorted(on.keys() - knows, key=_plainness):
        free.setdefault(on[char], char)
    return {*free.values(), *(char for char in knows if on[char] not in free)}


def _plainness(char: str) -> tuple[int, str]:
    return _PLAINNESS.get(char, len(_PLAIN)), char


def _bits(number: int) -> Iterator[int]:
    while number:
        low = number & -number
        yield low.bit_length() - 1
        number ^= low
