"""What matchers can tell apart: sets of texts, and one text for every way in which they can overlap.

A decision depends on a text only through the matchers that it meets. So it is enough to ask about one text for each
combination of matchers that any text can meet; `representatives` finds them all, or says that it cannot.
"""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

from interegular import FSM, InvalidSyntax, Unsupported, parse_pattern
from interegular.fsm import anything_else
from msgspec import Struct

_STATES = 20_000
_OTHERS = "zqxjkvwyZQXJKVWY0123456789-_~"


class Exactly(Struct, frozen=True, order=True):
    """One text."""

    text: str


class Starting(Struct, frozen=True, order=True):
    """Every text that begins so."""

    text: str


class Ending(Struct, frozen=True, order=True):
    """Every text that ends so."""

    text: str


class Matching(Struct, frozen=True, order=True):
    """Every text that a regular expression matches as a whole."""

    pattern: str


Language = Exactly | Starting | Ending | Matching


class Undecidable(Exception):  # noqa: N818 - it is an answer, not a fault
    """Why the texts cannot be told apart within the budget."""


def representatives(languages: Iterable[Language], start: str = "") -> tuple[str, ...]:
    """One text for each combination of languages that a text with some beginning can belong to.

    Raises:
        Undecidable: an expression is beyond what automata can say, or there are too many states.
    """
    wanted = sorted(set(languages), key=repr)
    other = _unused(wanted, start)
    if other and not any(isinstance(each, Matching) for each in wanted):
        return _simple(wanted, start, other)
    return tuple(_by_automata(wanted, start))


def _simple(wanted: list[Language], start: str, other: str) -> tuple[str, ...]:
    """Exact texts stand for themselves; of all others only the beginnings and ends that they meet count."""
    exact = [each.text for each in wanted if isinstance(each, Exactly) and each.text.startswith(start)]
    heads = {start, *(each.text for each in wanted if isinstance(each, Starting))}
    tails = {"", *(each.text for each in wanted if isinstance(each, Ending))}
    mixed = [f"{head if head.startswith(start) else start}{other}{tail}" for head, tail in product(heads, tails)]
    bare = [head for head in heads if head.startswith(start)] + [tail for tail in tails if tail.startswith(start)]
    return tuple(sorted({*exact, *mixed, *bare}))


def _unused(wanted: list[Language], start: str) -> str:
    """A character that no language knows; empty when every one is used."""
    used = set(start) | {char for each in wanted if not isinstance(each, Matching) for char in each.text}
    return next((char for char in _OTHERS if char not in used), "")


def _by_automata(wanted: list[Language], start: str) -> Iterator[str]:
    """Walk all automata at once; the first text that reaches a new combination of acceptances stands for it."""
    machines = [_machine(each) for each in wanted]
    symbols = sorted({symbol for machine in machines for symbol in machine.alphabet if symbol is not anything_else})
    letters = [*(str(symbol) for symbol in symbols), _unknown(symbols)]
    state: tuple[int | None, ...] = tuple(machine.initial for machine in machines)
    for letter in start:
        state = _step(machines, state, letter)
    seen, found = {state}, set()
    waiting = [(state, start)]
    for state, text in waiting:
        accepted = tuple(at is not None and at in machine.finals for machine, at in zip(machines, state, strict=True))
        if accepted not in found:
            found.add(accepted)
            yield text
        for letter in letters:
            after = _step(machines, state, letter)
            if after not in seen:
                seen.add(after)
                waiting.append((after, text + letter))
        if len(seen) > _STATES:
            raise Undecidable(f"more than {_STATES:,} states of {len(wanted)} matchers on one text")


def _step(machines: list[FSM], state: tuple[int | None, ...], letter: str) -> tuple[int | None, ...]:
    return tuple(_next(machine, at, letter) for machine, at in zip(machines, state, strict=True))


def _next(machine: FSM, at: int | None, letter: str) -> int | None:
    ways: dict[Any, Any] = machine.map.get(at, {}) if at is not None else {}
    found: int | None = ways.get(_symbol(machine, letter))
    return found


def _symbol(machine: FSM, letter: str) -> Any:
    alphabet = machine.alphabet
    return alphabet[letter] if letter in alphabet else alphabet[anything_else]


def _unknown(symbols: list[str]) -> str:
    known = set(symbols)
    return next((char for char in _OTHERS if char not in known), "\N{MIDDLE DOT}")


def _machine(language: Language) -> FSM:
    pattern = _pattern(language)
    try:
        return parse_pattern(pattern).to_fsm()
    except (InvalidSyntax, Unsupported, RecursionError) as error:
        raise Undecidable(f"the expression {pattern!r} is beyond what automata can say ({error})") from error


def _pattern(language: Language) -> str:
    match language:
        case Exactly():
            return _escaped(language.text)
        case Starting():
            return f"{_escaped(language.text)}(.|\\n)*"
        case Ending():
            return f"(.|\\n)*{_escaped(language.text)}"
        case Matching():
            return language.pattern


def _escaped(text: str) -> str:
    return "".join(char if char.isalnum() or char in "/_-" else f"\\{char}" for char in text)
