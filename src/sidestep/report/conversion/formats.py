"""The formats that a conversion can be printed in."""

from sidestep.report.conversion.document import Conversion
from sidestep.report.formats import Format

CONVERSION_FORMATS: tuple[Format[Conversion], ...] = (
    Format("table", (".txt",), "sidestep.report.conversion.table"),
    Format("json", (".json",), "sidestep.report.json_document"),
    Format("yaml", (".yaml", ".yml"), "sidestep.report.yaml_document"),
    Format("markdown", (".md",), "sidestep.report.conversion.markdown"),
)
