"""What matchers can tell apart: sets of texts, and one text for every way in which they can overlap.

A decision depends on a text only through the matchers that it meets. So it is enough to ask about one text for each
combination of matchers that any text can meet; `representatives` finds them all, or says that it cannot.
"""

from functools import lru_cache

from msgspec import Struct

from sidestep.prove.automata import Automaton
from sidestep.prove.expressions import ANYTHING, Node, Sequence, Undecidable, literal, parsed
from sidestep.prove.texts import Texts, alphabet_of, guard_of
from sidestep.semantics.authorization import matchers
from sidestep.semantics.path_normalisation import PathNormalisation
from sidestep.semantics.patterns import compiled

__all__ = [
    "METHODS",
    "Ending",
    "Exactly",
    "Language",
    "Matching",
    "Pieces",
    "Rewritten",
    "Starting",
    "Undecidable",
    "representatives",
    "usual_methods",
]
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
"""That programs send, and proxies read."""
_STATES = 30_000
_TEXTS = 20_000


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
    """Every text that a regular expression in RE2's syntax matches as a whole."""

    pattern: str


class Pieces(Struct, frozen=True, order=True):
    """Every text in which pieces occur one after the other; the first begins it, the last ends it."""

    parts: tuple[str, ...]


class Rewritten(Struct, frozen=True):
    """Every text that begins with `head`, and belongs to a language once `into` stands in the place of that."""

    head: str
    into: str
    inner: "Language"


Language = Exactly | Starting | Ending | Matching | Pieces | Rewritten


def belongs(text: str, language: Language) -> bool:
    """Whether a text is of a language."""
    match language:
        case Exactly():
            return text == language.text
        case Starting():
            return text.startswith(language.text)
        case Ending():
            return text.endswith(language.text)
        case Pieces():
            return matchers.Pieces(language.parts).matches(text)
        case Matching():
            pattern = compiled(language.pattern)
            return pattern is not None and pattern.fullmatch(text) is not None
        case Rewritten():
            rest = text.removeprefix(language.head)
            return text.startswith(language.head) and belongs(f"{language.into}{rest}", language.inner)


def disjoint(one: Language, other: Language) -> bool:
    """Whether certainly no text is of both."""
    for left, right in ((one, other), (other, one)):
        if isinstance(left, Exactly):
            return not belongs(left.text, right)
        if isinstance(left, Starting) and isinstance(right, Starting):
            return not (left.text.startswith(right.text) or right.text.startswith(left.text))
        if isinstance(left, Ending) and isinstance(right, Ending):
            return not (left.text.endswith(right.text) or right.text.endswith(left.text))
    return False


def usual_methods(languages: frozenset[Language]) -> tuple[str, ...]:
    """A method for each combination of languages, one that programs send where there is one; the usual one first.

    Proxies refuse others before they look at anything.
    """

    def of(text: str) -> tuple[bool, ...]:
        return tuple(belongs(text, each) for each in languages)

    sent = {of(text): text for text in reversed(METHODS)}
    others = representatives(languages, Texts.METHOD) if languages else ()
    return tuple(dict.fromkeys(sent.get(of(text), text) for text in (METHODS[0], *others)))


def telling(found: tuple[str, ...], languages: frozenset[Language]) -> tuple[str, ...]:
    """Those that belong to anything: all others are treated as if there were none."""
    return tuple(text for text in found if any(belongs(text, each) for each in languages))


def representatives(
    languages: frozenset[Language],
    texts: Texts = Texts.CLAIM,
    mode: PathNormalisation = PathNormalisation.BASE,
    within: frozenset[Language] = frozenset(),
) -> tuple[str, ...]:
    """One text for each combination of languages that a text of a kind can belong to, the plainest first.

    Args:
        languages: what tells texts apart.
        texts: of which kind they are.
        mode: how paths are normalised: only those are told that normalisation leaves as they are.
        within: only texts that belong to one of these; empty for all.

    Raises:
        Undecidable: an expression is beyond what automata can say, or there are too many states.
    """
    found = _representatives(languages, texts, mode, within)
    if isinstance(found, str):
        raise Undecidable(found)
    return found


@lru_cache(maxsize=65536)
def _representatives(
    languages: frozenset[Language], texts: Texts, mode: PathNormalisation, within: frozenset[Language]
) -> tuple[str, ...] | str:
    """The same, with what is undecidable as a value, so that it is not tried again."""
    start = "/" if texts is Texts.PATH else ""
    ordered = sorted(languages | within, key=repr)
    automaton = Automaton()
    found: list[str] = []
    try:
        for each in ordered:
            _added(automaton, each)
        must = tuple(place for place, each in enumerate(ordered) if each in within)
        walk = automaton.texts(alphabet_of(texts, mode), start, guard_of(texts, mode), _STATES, must)
        for text, taken in walk:
            _confirmed(ordered, text, taken)
            found.append(text)
            if len(found) > _TEXTS:
                return f"more than {_TEXTS:,} classes of one text"
    except (Undecidable, RecursionError, ValueError) as error:
        return str(error) or "an expression is nested too deeply"
    return tuple(found)


def _confirmed(ordered: list[Language], text: str, taken: frozenset[int]) -> None:
    """That RE2 reads an expression as the automaton does."""
    for place, each in enumerate(ordered):
        if isinstance(each, Matching):
            pattern = compiled(each.pattern)
            if (pattern is not None and pattern.fullmatch(text) is not None) is not (place in taken):
                raise Undecidable(f"the expression {each.pattern!r} is read otherwise by RE2 for {text!r}")


def _added(automaton: Automaton, language: Language) -> int:
    if not isinstance(language, Rewritten):
        return automaton.add(_node(language))
    if isinstance(language.inner, Rewritten):
        raise Undecidable("a path is rewritten twice before it is looked at")
    return automaton.add_rewritten(language.head, language.into, _node(language.inner))


def _node(language: Language) -> Node:
    match language:
        case Exactly():
            return literal(language.text)
        case Starting():
            return Sequence((literal(language.text), ANYTHING))
        case Ending():
            return Sequence((ANYTHING, literal(language.text)))
        case Pieces():
            first, *rest = language.parts
            return Sequence((literal(first), *(part for piece in rest for part in (ANYTHING, literal(piece)))))
        case Matching():
            if compiled(language.pattern) is None:
                raise Undecidable(f"RE2 refuses the expression {language.pattern!r}")
            return parsed(language.pattern)
        case Rewritten():
            raise Undecidable("a path is rewritten twice before it is looked at")
