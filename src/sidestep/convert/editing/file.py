"""Edit a file of manifests: some of its objects changed, some gone, some added at its end."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.convert.editing.alignment import same
from sidestep.convert.editing.chunks import Chunk, chunks, is_json
from sidestep.convert.editing.document import edit_document, read_value
from sidestep.convert.editing.written import Manner, lines
from sidestep.convert.rewrite import Tree
from sidestep.errors import WorldError

_GONE = object()
_ENDS_OPEN = re.compile(r"^---[ \t]*\r?\n?\Z", re.MULTILINE)
"""A file that ends with the marker of a document that nobody wrote."""
_encode = msgspec.json.Encoder(order="sorted").encode


class ObjectEdit(Struct, frozen=True):
    """What becomes of one object of a file.

    Attributes:
        document: 1-based number of the document that holds it, as its origin says.
        before: the whole object as it was read.
        after: what it is to be; None if it goes.
    """

    document: int
    before: Tree
    after: Tree | None


def edit_file(
    text: str,
    edits: Iterable[ObjectEdit],
    added: Sequence[Tree] = (),
    path: str = "",
    values: Mapping[int, Any] | None = None,
) -> str | None:
    """A file's text with other objects.

    Args:
        text: of the file, YAML or JSON.
        edits: of its objects.
        added: objects that come, as documents at its end, or as items of the list that the file is.
        path: for errors.
        values: what its documents say, by number, as far as they were read already.

    Returns:
        The new text; None when no object is left, so that the file goes.

    Raises:
        WorldError: an object is not there as it was read, or cannot be changed in place.
    """
    by_document: dict[int, list[ObjectEdit]] = {}
    for edit in edits:
        by_document.setdefault(edit.document, []).append(edit)
    pieces = chunks(text)
    wanted = list(added)
    said = _Said(values or {})
    at_list = _list_at(pieces, wanted, said, path)
    if at_list:
        by_document.setdefault(at_list, [])
    found = [
        _piece(piece, by_document.pop(piece.number, None), wanted if at_list else [], said, path) for piece in pieces
    ]
    if any(by_document.values()):
        raise WorldError("a document is gone since it was read", where=path, remedy="read the folder again")
    made = "".join(found)
    if text.endswith("\n") and made and not made.endswith("\n"):
        made += "\r\n" if text.endswith("\r\n") else "\n"
    if wanted and not at_list:
        return _with_documents(made, wanted, path)
    return made if any(piece.number for piece in chunks(made)) else None


def new_file(trees: Sequence[Tree], manner: Manner | None = None) -> str:
    """The text of a file that says objects."""
    manner = manner or Manner()
    separator = f"---{manner.newline}"
    return separator.join("".join(line + manner.newline for line in lines(tree, manner)) for tree in trees)


class _Said:
    """What the documents of a file say, each read once."""

    def __init__(self, values: Mapping[int, Any]) -> None:
        self._values = dict(values)

    def of(self, piece: Chunk, where: str) -> Any:
        """The value of a document that a piece holds."""
        if piece.number not in self._values:
            self._values[piece.number] = read_value(piece.text, where)
        return self._values[piece.number]


def _piece(piece: Chunk, edits: list[ObjectEdit] | None, added: list[Tree], said: _Said, path: str) -> str:
    if edits is None or not piece.number:
        return piece.text
    where = f"{path}:{piece.line}"
    before = said.of(piece, where)
    after = _after(before, edits, where)
    if after is _GONE:
        return _heading(piece)
    if added and isinstance(after, dict):
        after = {**after, "items": [*after["items"], *added]}
    return edit_document(piece.text, before, after, where)


def _after(value: Any, edits: list[ObjectEdit], where: str) -> Any:
    """The value of a document with edits of the objects in it."""
    if isinstance(value, list):
        return _members(value, edits, {}, where) or _GONE
    if not _is_list(value):
        (found,) = _members([value], edits, {}, where) or [_GONE]
        return found
    kind = str(value["kind"])
    declared = {} if kind == "List" else {"apiVersion": value.get("apiVersion", ""), "kind": kind.removesuffix("List")}
    items = _members(value["items"], edits, declared, where)
    return {**value, "items": items} if items or not edits else _GONE


def _members(members: list[Any], edits: list[ObjectEdit], declared: Tree, where: str) -> list[Any]:
    found = list(members)
    whole = [{**declared, **each} if isinstance(each, dict) and "kind" not in each else each for each in members]
    places: dict[bytes, list[int]] = {}
    for number, each in enumerate(whole):
        places.setdefault(_encode(each), []).append(number)
    for edit in edits:
        at = places.get(_encode(edit.before)) or [n for n, each in enumerate(whole) if same(each, edit.before)]
        if not at:
            raise WorldError("an object is not there as it was read", where=where, remedy="read the folder again")
        number = at.pop(0)
        whole[number] = None
        found[number] = _GONE if edit.after is None else _undeclared(members[number], edit.after)
    return [each for each in found if each is not _GONE]


def _undeclared(member: Tree, after: Tree) -> Tree:
    """What an item says, whose type the list around it may say."""
    return {name: value for name, value in after.items() if name in member or name not in ("apiVersion", "kind")}


def _is_list(value: Any) -> bool:
    kind = value.get("kind") if isinstance(value, dict) else None
    return isinstance(kind, str) and kind.endswith("List") and isinstance(value.get("items"), list)


def _heading(piece: Chunk) -> str:
    """What stays of a document that goes: comments at the top of a file that a blank line parts from it."""
    if piece.line != 1 or piece.text.startswith("---"):
        return ""
    kept: list[str] = []
    waiting: list[str] = []
    for line in piece.text.splitlines(keepends=True):
        if line.strip() and not line.lstrip("\ufeff ").startswith("#"):
            break
        waiting.append(line)
        if not line.strip():
            kept, waiting = [*kept, *waiting], []
    return "".join(kept) if "".join(kept).strip() else ""


def _list_at(pieces: list[Chunk], added: list[Tree], said: _Said, path: str) -> int:
    """The number of the only document, if it is a `List` to which objects can be added; else 0."""
    numbered = [piece for piece in pieces if piece.number]
    if not added or len(numbered) != 1:
        return 0
    value = said.of(numbered[0], path)
    return 1 if _is_list(value) and value["kind"] == "List" else 0


def _with_documents(text: str, added: list[Tree], path: str) -> str:
    if is_json(text):
        raise WorldError("a JSON file holds one object", where=path, remedy="put the new one into a file of its own")
    newline = "\r\n" if "\r\n" in text else "\n"
    fresh = new_file(added, Manner(newline))
    if not text:
        return fresh
    separator = "" if _ENDS_OPEN.search(text) else f"---{newline}"
    return f"{text}{'' if text.endswith(newline) else newline}{separator}{fresh}"
