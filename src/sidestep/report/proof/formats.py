"""The formats that a proof can be printed in."""

from sidestep.prove.proof import Proof
from sidestep.report.formats import Format

_PLACE = "sidestep.report.proof."
PROOF_FORMATS: tuple[Format[Proof], ...] = (
    Format("table", (".txt",), f"{_PLACE}table"),
    Format("json", (".json",), "sidestep.report.json_document"),
    Format("yaml", (".yaml", ".yml"), "sidestep.report.yaml_document"),
    Format("markdown", (".md",), f"{_PLACE}markdown"),
    Format("sarif", (".sarif", ".sarif.json"), f"{_PLACE}sarif"),
    Format("junit", (".xml",), f"{_PLACE}junit"),
    Format("html", (".html", ".htm"), f"{_PLACE}html"),
)
