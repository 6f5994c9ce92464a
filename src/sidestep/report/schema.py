"""The JSON Schemas of documents, made from the structs and what their docstrings say."""

import re
from inspect import cleandoc
from typing import Any

import msgspec

from sidestep.actions.runs.history import RunTold
from sidestep.actions.runs.journal import Entry
from sidestep.audit.result import Audit
from sidestep.audit.symptom_report import SymptomAnswer
from sidestep.explain.explanation import Explanation
from sidestep.explain.log_answer import LogExplanation
from sidestep.explain.matrix import Matrix
from sidestep.plan.document import Plan
from sidestep.prove.proof import Proof
from sidestep.rehearse.result import Rehearsal
from sidestep.report.conversion.document import Conversion
from sidestep.report.migration.outlook import Outlook
from sidestep.report.migration.runs import Runs

_PLACE = "https://github.com/sidestep-dev/sidestep/raw/main/docs/schemas/"
DOCUMENTS: tuple[type[msgspec.Struct], ...] = (
    Audit,
    Plan,
    Explanation,
    LogExplanation,
    SymptomAnswer,
    Matrix,
    Proof,
    Conversion,
    Rehearsal,
    Outlook,
    RunTold,
    Runs,
    Entry,
)
"""Those whose schemas are published."""
_ENTRY = re.compile(r"^(\w+(?:, \w+)*): (.*)$")
_INDENT = re.compile(r"^ {4}(?=\S)")


def schema(top: type[msgspec.Struct]) -> bytes:
    """As published in `docs/schemas/`, in the file that `file_name` tells."""
    (reference,), definitions = msgspec.json.schema_components([top], ref_template="#/$defs/{name}")
    place = f"{_PLACE}{file_name(top)}"
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": place, "title": top.__name__}
    described = {name: _described(each) for name, each in definitions.items()}
    return msgspec.json.format(msgspec.json.encode({**head, **reference, "$defs": described}), indent=2) + b"\n"


def file_name(top: type[msgspec.Struct]) -> str:
    """Of its schema, e.g. `audit.json`."""
    return f"{top.__name__.lower()}.json"


def _described(definition: dict[str, Any]) -> dict[str, Any]:
    """With what a docstring says of attributes at their properties; we write all of them, so all are required."""
    text, _, attributes = cleandoc(definition.get("description", "")).partition("\n\nAttributes:\n")
    told = _entries(attributes)
    if "properties" not in definition:
        return definition
    properties = {
        name: {**each, "description": told[name]} if name in told else each
        for name, each in definition["properties"].items()
    }
    return {**definition, "description": " ".join(text.split()), "properties": properties, "required": [*properties]}


def _entries(attributes: str) -> dict[str, str]:
    """What a Google-style list of attributes says, by the names they have in JSON."""
    told: dict[str, str] = {}
    names: list[str] = []
    for line in attributes.splitlines():
        entry = _ENTRY.match(line[4:]) if _INDENT.match(line) else None
        if entry:
            names = [_camel(name) for name in entry[1].split(", ")]
            told |= dict.fromkeys(names, entry[2])
        elif line.strip():
            told |= {name: f"{told[name]} {line.strip()}" for name in names}
    return told


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)
