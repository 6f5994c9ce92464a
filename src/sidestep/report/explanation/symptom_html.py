"""What may be behind a symptom, as a page."""

from sidestep.audit.symptom_report import SymptomAnswer
from sidestep.report.explanation.html import STYLES
from sidestep.report.explanation.symptom_table import NOTHING, cause_lines
from sidestep.report.formats import Look
from sidestep.report.html.frame import Frame, fill

_FRAME = Frame("symptoms.html", (), STYLES)


def render(answer: SymptomAnswer, _look: Look) -> str:
    """The page."""
    symptoms = [
        {
            "title": symptom.title,
            "causes": [
                {"cause": cause, "word": cause.likelihood.partition(":")[0], "lines": [*cause_lines(cause)]}
                for cause in symptom.causes
            ],
        }
        for symptom in answer.symptoms
    ]
    return fill(_FRAME, {"answer": answer, "symptoms": symptoms, "nothing": NOTHING}, {})
