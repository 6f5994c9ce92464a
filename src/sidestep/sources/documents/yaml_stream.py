"""Read YAML files document by document, so that a broken one costs only itself."""

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from sidestep.model.gaps import Gap, GapReason, Remark
from sidestep.model.origin import FileOrigin
from sidestep.model.yaml_tree import Document, DocumentError, read_document
from sidestep.sources.documents.item import Items, Read
from sidestep.sources.documents.json_stream import read_json
from sidestep.sources.objects.builder import TypeMeta

LARGEST_DOCUMENT = 256 * 2**20
_SEPARATOR = re.compile(rb"---(?:\s|$)")
_CONTENT = re.compile(rb"^[ \t\r]*[^\s#%]", re.MULTILINE)
_TEMPLATE = re.compile(
    rb"\{\{-?\s*(?:\.(?:Values|Release|Chart|Files|Capabilities|Template)\b|include\s|template\s|toYaml\s|define\s)"
)
_FILES = ("data", "binaryData", "stringData")
_OF_FILES = ("ConfigMap", "Secret")
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_CALL = b"{{"
"""Where a template calls something; no JSON starts so."""
_HEAD = 2**20
_LONGEST_LINE = 2**26


class _Chunk(Struct, frozen=True):
    """The text of one document, and the 1-based line and document number at which it starts."""

    text: bytes
    line: int
    number: int


def read_yaml(stream: BinaryIO, path: str) -> Iterator[Read]:
    """All objects of a YAML stream; members of a `List` come one by one, each with its line."""
    for chunk in _chunks(stream):
        yield from _read_chunk(chunk, path)


def is_template(text: bytes) -> bool:
    """Whether a text is a Helm template: it calls what only Helm provides."""
    return _TEMPLATE.search(text) is not None


def _chunks(stream: BinaryIO) -> Iterator[_Chunk]:
    """Documents, cut at `---` in the first column, which ends a document wherever it stands."""
    text, first, number = bytearray(), 1, 0
    lines = iter(lambda: stream.readline(_LONGEST_LINE), b"")
    for line_number, line in enumerate(lines, 1):
        if not (line.startswith(b"---") and _SEPARATOR.match(line)):
            text += line if len(text) <= LARGEST_DOCUMENT else b""
            continue
        if _CONTENT.search(text):
            number += 1
            yield _Chunk(bytes(text), first, number)
        has_value = bool(line[3:].strip())
        text = bytearray(b"   " + line[3:] if has_value else b"")
        first = line_number if has_value else line_number + 1
    if _CONTENT.search(text):
        yield _Chunk(bytes(text), first, number + 1)


def _read_chunk(chunk: _Chunk, path: str) -> Iterator[Read]:
    where = f"{path}:{chunk.line}"
    if len(chunk.text) > LARGEST_DOCUMENT:
        detail = f"one document is longer than {LARGEST_DOCUMENT >> 20} MiB"
        yield Gap(where, GapReason.TOO_LARGE, detail, "split it, or give JSON, which is read in pieces")
        return
    try:
        chunk.text.decode()
        document = read_document(chunk.text)
    except UnicodeDecodeError as error:
        line = chunk.line + chunk.text.count(b"\n", 0, error.start)
        yield Gap(f"{path}:{line}", GapReason.MALFORMED, "not UTF-8", "save the file as UTF-8")
    except DocumentError as error:
        yield _unreadable(chunk, path, error)
    else:
        yield from _objects(document, chunk, path)


def _unreadable(chunk: _Chunk, path: str, error: DocumentError) -> Gap:
    where = f"{path}:{chunk.line + error.line}"
    if _CALL in chunk.text:
        return Gap(where, GapReason.UNSUPPORTED, "a Helm template", "render it first: helm template")
    lines = chunk.text.split(b"\n")
    tabbed = error.line < len(lines) and lines[error.line].lstrip(b" ").startswith(b"\t")
    hint = "YAML does not allow tabs for indentation" if tabbed else "correct the document; it was left out"
    return Gap(where, GapReason.MALFORMED, str(error), hint)


def _objects(document: Document, chunk: _Chunk, path: str) -> Iterator[Read]:
    for name, line in document.duplicates:
        yield Remark(f"{path}:{chunk.line + line}", f"key {name!r} is given twice; the last one counts")
    calls = is_template(chunk.text[:_HEAD])
    value = document.value
    values = value if isinstance(value, list) else [value]
    for member in values:
        if not isinstance(member, dict):
            continue
        if calls and not _is_list(member) and (member.get("kind") not in _OF_FILES or _calls_helm(member)):
            yield _a_chart(f"{path}:{chunk.line + document.line}")
        else:
            yield from _listed(member, document, chunk, path, calls)


def _a_chart(where: str) -> Gap:
    return Gap(where, GapReason.UNSUPPORTED, "a Helm template", "render it first: helm template")


def _is_list(value: dict[str, Any]) -> bool:
    kind = value.get("kind")
    return isinstance(kind, str) and kind.endswith("List") and isinstance(value.get("items"), list)


def _calls_helm(value: Any) -> bool:
    """Whether an object that YAML could read calls Helm all the same, in what is its own: files that it carries may be
    templates of others, as those of Istio's injector are, and what was applied last repeats them.
    """
    if not isinstance(value, dict):
        return False
    own = {name: each for name, each in value.items() if name not in _FILES or value.get("kind") not in _OF_FILES}
    meta = own.get("metadata")
    if isinstance(meta, dict) and isinstance(meta.get("annotations"), dict):
        kept = {name: text for name, text in meta["annotations"].items() if name != _APPLIED}
        own["metadata"] = {**meta, "annotations": kept}
    return is_template(msgspec.json.encode(own))


def _is_unrendered(value: Any) -> bool:
    """Whether an object's name is still to be filled in, by Ansible, Flux or whoever renders it: no name has braces."""
    meta = value.get("metadata") if isinstance(value, dict) else None
    names = (meta.get("name"), meta.get("namespace")) if isinstance(meta, dict) else ()
    return any(isinstance(name, str) and ("{{" in name or "${" in name) for name in names)


def _listed(value: dict[str, Any], document: Document, chunk: _Chunk, path: str, calls: bool) -> Iterator[Read]:
    origin = FileOrigin(path, chunk.line + document.line, chunk.number)
    if _is_unrendered(value):
        yield Gap(f"{path}:{origin.line}", GapReason.UNSUPPORTED, "a template", "render it first, with its values")
        return
    if not _is_list(value):
        yield Items([msgspec.json.encode(value)], origin, whole=value is document.value)
        return
    kind, items = value["kind"], value["items"]
    declared = None
    if kind != "List":
        declared = TypeMeta(str(value.get("apiVersion", "")), kind.removesuffix("List"))
    lines = document.item_lines if len(document.item_lines) == len(items) else (document.line,) * len(items)
    for item, line in zip(items, lines, strict=True):
        at = msgspec.structs.replace(origin, line=chunk.line + line)
        if calls and _calls_helm(item):
            yield _a_chart(f"{path}:{at.line}")
            continue
        own = isinstance(item, dict) and "kind" in item
        yield Items([msgspec.json.encode(item)], at, declared=None if own else declared)


def read_text(stream: BinaryIO, path: str, head: bytes) -> Iterator[Read]:
    """Read a stream whose form only its content tells: JSON where it starts with a brace, else YAML."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] in (b"{", b"[") and text[:2] != _CALL:
        yield from read_json(stream, path)
    else:
        yield from read_yaml(stream, path)
