"""The formats that answers can be printed in."""

from sidestep.explain.explanation import Explanation
from sidestep.report.formats import Format

EXPLANATION_FORMATS: tuple[Format[Explanation], ...] = (
    Format("table", (".txt",), "sidestep.report.explanation.table"),
    Format("json", (".json",), "sidestep.report.json_document"),
    Format("yaml", (".yaml", ".yml"), "sidestep.report.yaml_document"),
    Format("markdown", (".md",), "sidestep.report.explanation.markdown"),
    Format("html", (".html", ".htm"), "sidestep.report.explanation.html"),
)
