"""The document itself."""

from typing import Any

import msgspec

from sidestep.report.encoded import indented
from sidestep.report.formats import Look

_FIRST = ("apiVersion", "kind")


def render(reported: msgspec.Struct, _look: Look) -> str:
    """Indented JSON, what it is first, then in the order of the schema."""
    return indented(document(reported), 2)


def document(reported: msgspec.Struct) -> dict[str, Any]:
    """The fields of the document by name, `apiVersion` and `kind` first, as every Kubernetes object begins."""
    fields = {each.encode_name: getattr(reported, each.name) for each in msgspec.structs.fields(reported)}
    return {name: fields[name] for name in (*_FIRST, *(name for name in fields if name not in _FIRST))}
