"""JSON of anything that an audit holds, whatever bytes the names of files were made of."""

import json
from typing import Any

import msgspec


def encoded(value: Any) -> bytes:
    """Compact JSON in UTF-8; a lone surrogate, which stands for a byte of a file's name that is no UTF-8, reads `?`."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value), ensure_ascii=False).encode(errors="replace")


def indented(value: Any, indent: int) -> str:
    """The same for people: indented, with a line's end."""
    return msgspec.json.format(encoded(value), indent=indent).decode() + "\n"
