"""The JSON Schema of the document, made from the structs and what their docstrings say."""

import re
from inspect import cleandoc
from typing import Any

import msgspec

from sidestep.audit.result import Audit

ID = "https://github.com/sidestep-dev/sidestep/raw/main/docs/schemas/audit.json"
_ENTRY = re.compile(r"^(\w+(?:, \w+)*): (.*)$")
_INDENT = re.compile(r"^ {4}(?=\S)")


def schema() -> bytes:
    """As published in `docs/schemas/audit.json`."""
    (top,), definitions = msgspec.json.schema_components([Audit], ref_template="#/$defs/{name}")
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": ID, "title": "Audit"}
    described = {name: _described(each) for name, each in definitions.items()}
    return msgspec.json.format(msgspec.json.encode({**head, **top, "$defs": described}), indent=2) + b"\n"


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
