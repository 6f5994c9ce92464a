"""Cut a file into its documents, as they are counted when it is read."""

import json
import re

from msgspec import Struct

_SEPARATOR = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_CONTENT = re.compile(r"(?:^|\r)[ \t\r\ufeff]*[^\s#%\ufeff]", re.MULTILINE)
_BLANK = re.compile("[\ufeff \\t\\r\\n]*")
_decoder = json.JSONDecoder()


class Chunk(Struct, frozen=True):
    """A piece of a file.

    Attributes:
        text: of the piece; all pieces together are the file.
        number: 1-based number of its document; 0 for a piece without one.
        line: 1-based line on which it starts.
    """

    text: str
    number: int
    line: int


def is_json(text: str) -> bool:
    """Whether a file is JSON: values one after the other. YAML in brackets starts so too."""
    return _json_pieces(text) is not None


def chunks(text: str) -> list[Chunk]:
    """The pieces of a file."""
    pieces = _json_pieces(text) or _yaml_pieces(text)
    found, number, line = [], 0, 1
    for piece in pieces:
        has_value = _has_value(piece)
        number += has_value
        found.append(Chunk(piece, number if has_value else 0, line))
        line += piece.count("\n")
    return found


def _has_value(piece: str) -> bool:
    marked = _SEPARATOR.match(piece)
    return _CONTENT.search(piece[marked.end() :] if marked else piece) is not None


def _yaml_pieces(text: str) -> list[str]:
    cuts = [found.start() for found in _SEPARATOR.finditer(text) if found.start()]
    starts = [0, *cuts]
    return [text[start:end] for start, end in zip(starts, [*cuts, len(text)], strict=True)]


def _json_pieces(text: str) -> list[str] | None:
    """A piece for each value; None for what is no JSON."""
    if text.lstrip("\ufeff \t\r\n")[:1] not in ("{", "["):
        return None
    pieces, start = [], 0
    while True:
        blank = _BLANK.match(text, start)
        at = blank.end() if blank else start
        if at == len(text):
            break
        try:
            _, end = _decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return None
        pieces.append(text[start:end])
        start = end
    return [*pieces[:-1], pieces[-1] + text[start:]]
