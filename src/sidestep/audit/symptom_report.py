"""What may be behind something that somebody sees, with the evidence of this cluster: the document."""

from collections.abc import Iterable

from msgspec import Struct

from sidestep.audit.finding import Finding
from sidestep.audit.symptoms import SYMPTOMS, Diagnosis, diagnose, match

_API_VERSION = "sidestep.dev/v1"
_MOST_SYMPTOMS = 3
_LIKELIHOODS = ("to be checked by hand", "possible: findings speak for it", "likely: errors speak for it")


class CauseReport(Struct, frozen=True, rename="camel"):
    """One cause.

    Attributes:
        what: what happens.
        likelihood: how much speaks for it here, in words.
        check: how to tell by hand.
        fix: what to do about it; empty where the findings say it.
        codes: findings that would be evidence.
        findings: that are there, and speak for it.
    """

    what: str
    likelihood: str
    check: str
    fix: str
    codes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


class SymptomReport(Struct, frozen=True, rename="camel"):
    """One symptom that the words may mean.

    Attributes:
        name: stable.
        title: as a heading.
        causes: the most likely first.
    """

    name: str
    title: str
    causes: tuple[CauseReport, ...]


class SymptomAnswer(Struct, frozen=True, rename="camel"):
    """The whole answer.

    Attributes:
        text: what was asked, as written.
        evidence: what the causes were held against, in words.
        symptoms: that it may mean, the best first; none where nothing fits.
        known: titles of all symptoms that are known, for words that fit none.
        api_version: of this document; fields are added within it, never renamed.
        kind: always `SymptomAnswer`.
    """

    text: str
    evidence: str
    symptoms: tuple[SymptomReport, ...]
    known: tuple[str, ...] = ()
    api_version: str = _API_VERSION
    kind: str = "SymptomAnswer"


def symptom_answer(text: str, findings: Iterable[Finding], evidence: str) -> SymptomAnswer:
    """What a text may mean, and what this cluster says of each cause.

    Args:
        text: as somebody sees it: an error, a line of a log, a few words.
        findings: of the audit.
        evidence: where they come from, in words.
    """
    known = tuple(findings)
    meant = match(text)[:_MOST_SYMPTOMS]
    reports = tuple(SymptomReport(each.name, each.title, tuple(map(_cause, diagnose(known, each)))) for each in meant)
    return SymptomAnswer(text, evidence, reports, () if reports else tuple(each.title for each in SYMPTOMS))


def _cause(diagnosis: Diagnosis) -> CauseReport:
    cause = diagnosis.cause
    likelihood = _LIKELIHOODS[diagnosis.weight]
    return CauseReport(cause.what, likelihood, cause.check, cause.fix, cause.codes, diagnosis.findings)
