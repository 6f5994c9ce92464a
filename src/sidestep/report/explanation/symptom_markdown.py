"""What may be behind a symptom, as Markdown."""

from collections.abc import Iterator

from sidestep.audit.symptom_report import SymptomAnswer
from sidestep.report.explanation.markdown import points
from sidestep.report.explanation.symptom_table import NOTHING, cause_lines
from sidestep.report.formats import Look
from sidestep.report.markup import escaped
from sidestep.report.units import UNSEEN


def render(answer: SymptomAnswer, _look: Look) -> str:
    """One page."""
    return "\n".join(_lines(answer)).translate(UNSEEN) + "\n"


def _lines(answer: SymptomAnswer) -> Iterator[str]:
    yield from (f"# {escaped(answer.text)}", "", f"Evidence: {escaped(answer.evidence)}")
    if not answer.symptoms:
        yield from ("", NOTHING, *points("Known are", answer.known))
    for symptom in answer.symptoms:
        yield from ("", f"## {escaped(symptom.title)}", "")
        for number, cause in enumerate(symptom.causes, 1):
            yield f"{number}. {escaped(cause.what)} **{escaped(cause.likelihood)}**"
            yield from (f"   - {escaped(line)}" for line in cause_lines(cause))
