"""The formats that answers can be printed in."""

from typing import Any

from sidestep.audit.symptom_report import SymptomAnswer
from sidestep.explain.explanation import Explanation
from sidestep.explain.log_answer import LogExplanation
from sidestep.explain.matrix import Matrix
from sidestep.report.formats import Format

_DATA: tuple[Format[Any], ...] = (
    Format("json", (".json",), "sidestep.report.json_document"),
    Format("yaml", (".yaml", ".yml"), "sidestep.report.yaml_document"),
)


def _formats(stem: str) -> tuple[Format[Any], ...]:
    """For people by modules of their own, for programs as the document."""
    place = f"sidestep.report.explanation.{stem}"
    return (
        Format("table", (".txt",), f"{place}table"),
        *_DATA,
        Format("markdown", (".md",), f"{place}markdown"),
        Format("html", (".html", ".htm"), f"{place}html"),
    )


EXPLANATION_FORMATS: tuple[Format[Explanation], ...] = _formats("")
LOG_FORMATS: tuple[Format[LogExplanation], ...] = _formats("log_")
SYMPTOM_FORMATS: tuple[Format[SymptomAnswer], ...] = _formats("symptom_")
MATRIX_FORMATS: tuple[Format[Matrix], ...] = (
    *_formats("matrix_"),
    Format("csv", (".csv",), "sidestep.report.explanation.matrix_csv"),
)
