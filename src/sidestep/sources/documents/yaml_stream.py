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
_CONTENT = re.compile(rb"(?:^|\r)[ \t\r]*[^\s#%]", re.MULTILINE)
_CARRIAGE = re.compile(rb"\r(?![\r\n]|\Z)")
_HIDDEN_SEPARATOR = re.compile(rb"\r---\s")
_TEMPLATE = re.compile(
    rb"\{\{-?\s*(?:\.(?:Values|Release|Chart|Files|Capabilities|Template)\b|include\s|template\s|toYaml\s|define\s)"
)
_FILES = ("data", "binaryData", "stringData")
_OF_FILES = ("ConfigMap", "Secret")
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_CALL = b"{{"
"""Where a template calls something; no JSON starts so."""
_UNQUOTED = re.compile(rb'[\[\s]*\{\s*[^\s"}]')
"""A first key that has no quotes: YAML in brackets."""
_NAMED_JSON = re.compile(r"\.jsonl?(\.gz)?\Z")
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
    if _ends_lines_in_cr(chunk.text):
        detail = "its lines end in CR alone, as on old Macs"
        yield Gap(where, GapReason.MALFORMED, detail, "save the file with LF at the ends of lines")
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


def _ends_lines_in_cr(text: bytes) -> bool:
    """Whether CR alone ends lines: markers between documents go unseen then, and only the first is applied."""
    if b"\r" not in text:
        return False
    inner = text.strip()
    return (b"\n" not in inner and _CARRIAGE.search(inner) is not None) or _HIDDEN_SEPARATOR.search(inner) is not None


def _unreadable(chunk: _Chunk, path: str, error: DocumentError) -> Gap:
    where = f"{path}:{chunk.line + error.line}"
    if _CALL in chunk.text:
        return Gap(where, GapReason.UNSUPPORTED, "a Helm template", "render it first: helm template")
    lines = chunk.text.split(b"\n")
    tabbed = error.line < len(lines) and lines[error.line].lstrip(b" ").startswith(b"\t")
    hint = "YAML does not allow tabs for indentation" if tabbed else "correct the document; it was left out"
    return Gap(where, GapReason.MALFORMED, str(error), hint)


class _Source(Struct, frozen=True):
    """A document that was read, where it stands, and whether its text calls Helm."""

    document: Document
    chunk: _Chunk
    path: str
    calls: bool

    def at(self, line: int) -> FileOrigin:
        """The place of a 0-based line of it."""
        return FileOrigin(self.path, self.chunk.line + line, self.chunk.number)


def _objects(document: Document, chunk: _Chunk, path: str) -> Iterator[Read]:
    for name, line in document.duplicates:
        yield Remark(f"{path}:{chunk.line + line}", f"key {name!r} is given twice; the last one counts")
    source = _Source(document, chunk, path, is_template(chunk.text[:_HEAD]))
    for value, line in _members(document):
        if not isinstance(value, dict):
            continue
        if source.calls and not _is_list(value) and (value.get("kind") not in _OF_FILES or _calls_helm(value)):
            yield _a_chart(source.at(line))
        else:
            yield from _listed(value, line, source)


def _members(document: Document) -> Iterator[tuple[Any, int]]:
    """What a document holds, with its line: itself, or the members of the list that it is."""
    if not isinstance(document.value, list):
        yield document.value, document.line
        return
    yield from zip(document.value, _lines(document, len(document.value), document.line), strict=True)


def _lines(document: Document, count: int, line: int) -> tuple[int, ...]:
    """The line of each member of its list, or one for all where they are not known."""
    return document.item_lines if len(document.item_lines) == count else (line,) * count


def _a_chart(origin: FileOrigin) -> Gap:
    where = f"{origin.path}:{origin.line}"
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


def _listed(value: dict[str, Any], line: int, source: _Source) -> Iterator[Read]:
    origin, document = source.at(line), source.document
    if _is_unrendered(value):
        where = f"{origin.path}:{origin.line}"
        yield Gap(where, GapReason.UNSUPPORTED, "a template", "render it first, with its values")
        return
    if not _is_list(value):
        yield Items([msgspec.json.encode(value)], origin, whole=value is document.value)
        return
    kind, items = value["kind"], value["items"]
    declared = None
    if kind != "List":
        declared = TypeMeta(str(value.get("apiVersion", "")), kind.removesuffix("List"))
    lines = _lines(document, len(items), line) if value is document.value else (line,) * len(items)
    for item, at in zip(items, map(source.at, lines), strict=True):
        if source.calls and _calls_helm(item):
            yield _a_chart(at)
            continue
        own = isinstance(item, dict) and "kind" in item
        yield Items([msgspec.json.encode(item)], at, declared=None if own else declared)


def read_text(stream: BinaryIO, path: str, head: bytes) -> Iterator[Read]:
    """Read a stream whose form only its content tells: JSON where it starts with a bracket, else YAML.

    YAML may start so as well: in brackets without quotes, or as documents of JSON that markers part.
    """
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] not in (b"{", b"[") or text[:2] == _CALL or _UNQUOTED.match(text):
        yield from read_yaml(stream, path)
        return
    start = stream.tell() if stream.seekable() and not _NAMED_JSON.search(path) else None
    reads = read_json(stream, path)
    first = next(reads, None)
    if start is not None and isinstance(first, Gap) and first.reason is GapReason.MALFORMED:
        stream.seek(start)
        yield from read_yaml(stream, path)
        return
    if first is not None:
        yield first
    yield from reads
