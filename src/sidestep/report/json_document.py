"""The document itself."""

import msgspec

from sidestep.audit.result import Audit
from sidestep.report.formats import Look


def render(audit: Audit, _look: Look) -> str:
    """Indented JSON, in the order of the schema."""
    return msgspec.json.format(msgspec.json.encode(audit), indent=2).decode() + "\n"


def schema() -> bytes:
    """The JSON Schema of the document, as published in `docs/schemas/audit.json`."""
    return msgspec.json.format(msgspec.json.encode(msgspec.json.schema(Audit)), indent=2) + b"\n"
