"""Lists within lists, as tools make them that join what others print."""

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct

_MARK = b'"List"'


class _List(Struct):
    kind: str = ""
    items: list[Raw] | None = None


_decode = msgspec.json.Decoder(_List).decode


def unnested(raw: bytes | Raw) -> Iterator[bytes | Raw]:
    """The objects of a `List`, and of those within it; any other object as it is."""
    waiting = [raw]
    while waiting:
        found = waiting.pop()
        items = _items(found)
        if items is None:
            yield found
        else:
            waiting.extend(reversed(items))


def _items(raw: bytes | Raw) -> list[Raw] | None:
    if _MARK not in bytes(raw):
        return None
    try:
        found = _decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return found.items if found.kind == "List" else None
