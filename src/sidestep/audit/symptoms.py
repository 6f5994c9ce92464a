"""From what somebody sees to what may be behind it, with what this cluster's findings say of each cause."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from functools import lru_cache

from msgspec import Struct

from sidestep.audit.finding import Finding, Severity
from sidestep.audit.symptom_catalogue import connections, performance, pods, security
from sidestep.audit.symptom_catalogue.symptom import Cause, Symptom

SYMPTOMS: tuple[Symptom, ...] = (
    *connections.SYMPTOMS,
    *security.SYMPTOMS,
    *pods.SYMPTOMS,
    *performance.SYMPTOMS,
)
_WORD = re.compile(r"[a-z0-9]{2,}")
_FILLERS = frozenset(
    _WORD.findall(
        "an and are as at be but by do for from get gets has have in is it me my of on or our that the there this to "
        "was when why with"
    )
)
_ALIKE = 0.84
_SHORT_QUERY = 6
_ENOUGH = 0.66


class Diagnosis(Struct, frozen=True):
    """One cause of a symptom, with the findings that speak for it; without any, it is to be checked by hand."""

    cause: Cause
    findings: tuple[Finding, ...] = ()

    @property
    def weight(self) -> int:
        """2 where a finding is an error or a blocker, 1 where it is less, 0 where there is none."""
        if not self.findings:
            return 0
        return 2 if any(each.severity.rank >= Severity.ERROR.rank for each in self.findings) else 1


def match(text: str) -> tuple[Symptom, ...]:
    """The symptoms that a text may mean, the best first: whole log lines, error strings, or a few words.

    Case, order and small misspellings do not matter. Nothing is returned where nothing fits.
    """
    words = _words(text)
    scored = [(_score(symptom, words), symptom) for symptom in SYMPTOMS] if words else []
    fitting = [each for each in scored if each[0][0] >= _ENOUGH]
    return tuple(symptom for _, symptom in sorted(fitting, key=lambda each: each[0], reverse=True))


def diagnose(findings: Iterable[Finding], symptom: Symptom) -> tuple[Diagnosis, ...]:
    """All causes of a symptom: those that errors of this cluster speak for, those that lesser findings do, the rest.

    Within each of the three the most common comes first. A suppressed finding is evidence all the same.
    """
    known = tuple(findings)
    found = [Diagnosis(cause, tuple(each for each in known if each.code in cause.codes)) for cause in symptom.causes]
    return tuple(sorted(found, key=lambda each: -each.weight))


def symptom_named(name: str) -> Symptom | None:
    """The symptom of a name."""
    return next((symptom for symptom in SYMPTOMS if symptom.name == name), None)


def _score(symptom: Symptom, words: tuple[str, ...]) -> tuple[float, float, float]:
    """How well the phrase that fits best does, by `_fit`."""
    return max(_fit(_words(phrase), words) for phrase in symptom.phrases)


def _fit(phrase: tuple[str, ...], words: tuple[str, ...]) -> tuple[float, float, float]:
    """The share of a phrase that a text holds, or for a few words the share of them that the phrase holds if greater.

    Words count by how few symptoms they occur in. Ties are broken by the former share, then by how much it says.
    """
    said = sum(_weight(word) for word in phrase if any(_alike(word, other) for other in words))
    whole = said / sum(_weight(word) for word in phrase)
    if len(words) > _SHORT_QUERY:
        return whole, whole, said
    answered = sum(_weight(word) for word in words if any(_alike(word, other) for other in phrase))
    return max(whole, answered / sum(_weight(word) for word in words)), whole, said


def _weight(word: str) -> float:
    """A word that no symptom knows weighs as one that a single symptom knows."""
    return 1 / max(1, _spread().get(word, 1))


@lru_cache(maxsize=1)
def _spread() -> dict[str, int]:
    """In how many symptoms each word occurs."""
    found: dict[str, int] = {}
    for symptom in SYMPTOMS:
        for word in {word for phrase in symptom.phrases for word in _words(phrase)}:
            found[word] = found.get(word, 0) + 1
    return found


@lru_cache(maxsize=4096)
def _alike(one: str, other: str) -> bool:
    """Whether two words are the same but for their ending or a slip; short ones must be equal."""
    if one == other:
        return True
    if min(len(one), len(other)) < 5 or one.isdigit() or other.isdigit():
        return False
    return SequenceMatcher(None, one, other).ratio() >= _ALIKE


@lru_cache(maxsize=512)
def _words(text: str) -> tuple[str, ...]:
    """The words that tell something, each once and in the singular."""
    found = [word for word in _WORD.findall(text.lower()) if word not in _FILLERS]
    return tuple(dict.fromkeys(word[:-1] if len(word) > 3 and word[-1] == "s" != word[-2] else word for word in found))
