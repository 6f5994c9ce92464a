"""What may be behind a symptom, for a terminal."""

from collections.abc import Iterator

from rich.console import Console

from sidestep.audit.finding import Finding
from sidestep.audit.symptom_report import CauseReport, SymptomAnswer
from sidestep.report.columns import console, plain, prose
from sidestep.report.explanation.drawn import print_item, print_list
from sidestep.report.formats import Look
from sidestep.report.table import trimmed
from sidestep.report.units import count

NOTHING = "No symptom that is known fits these words."
FINDINGS_SHOWN = 3
_STYLES = {"likely": "bold red", "possible": "bold yellow"}


def render(answer: SymptomAnswer, look: Look) -> str:
    """Text of at most `look.width` columns."""
    out = console(look)
    with out.capture() as captured:
        _print(answer, out)
    return trimmed(captured.get())


def evidence(finding: Finding) -> str:
    """A finding in a line."""
    return f"{finding.code} {finding.object}: {finding.message}"


def cause_lines(cause: CauseReport) -> Iterator[str]:
    """What is told of a cause, after what it is."""
    yield from (evidence(each) for each in cause.findings[:FINDINGS_SHOWN])
    if len(cause.findings) > FINDINGS_SHOWN:
        yield f"… and {len(cause.findings) - FINDINGS_SHOWN} more findings"
    yield f"check: {cause.check}"
    fixes = dict.fromkeys([each.fix for each in cause.findings] or [cause.fix])
    yield from (f"fix: {fix}" for fix in [*fixes][:FINDINGS_SHOWN] if fix)


def _print(answer: SymptomAnswer, out: Console) -> None:
    prose(out, plain(f"Evidence: {answer.evidence}", "dim"))
    if not answer.symptoms:
        out.print()
        out.print(NOTHING)
        print_list(out, "Known are", answer.known, len(answer.known))
    for place, symptom in enumerate(answer.symptoms):
        out.print()
        prose(out, plain(symptom.title, "bold"))
        shown = symptom.causes if place == 0 else [each for each in symptom.causes if each.findings]
        for number, cause in enumerate(shown, 1):
            out.print()
            _print_cause(number, cause, out)
        left = len(symptom.causes) - len(shown)
        if left:
            prose(out, plain(f"{count(left, 'cause')} to be checked by hand (-o json shows all)", "dim"), 2)


def _print_cause(number: int, cause: CauseReport, out: Console) -> None:
    word = cause.likelihood.partition(":")[0]
    print_item(out, f"{number}.", plain(cause.what))
    print_item(out, " ", plain(cause.likelihood, _STYLES.get(word, "dim")), 3)
    for line in cause_lines(cause):
        print_item(out, "-", plain(line), 5)
