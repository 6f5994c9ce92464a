"""Read one file of manifests, of whatever form, into a builder."""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec
from msgspec import Raw

from sidestep.model.gaps import Gap, GapReason, Remark
from sidestep.model.origin import FileOrigin
from sidestep.sources.archive import ARCHIVES, read_archive
from sidestep.sources.documents.item import Documents, Items, Pods, Read
from sidestep.sources.documents.nested import unnested
from sidestep.sources.documents.yaml_stream import read_text
from sidestep.sources.interface import Progress, Report
from sidestep.sources.objects.builder import MeshBuilder, TypeMeta, type_meta

_HEAD = 512
_EVERY = 1024
_GZIP = b"\x1f\x8b"
_SECRET = b'"kind":"Secret"'
"""In what nothing is kept of."""
_NO_OBJECTS = {
    ("v1", "Status"): "an answer of the API server that refuses, and no objects",
    ("meta.k8s.io/v1", "Table"): "a table for people, and no objects",
}
"""What stands in a file where somebody asked an API server for objects and got none."""


class FileReader:
    """Feeds a builder from files and remembers what was no Kubernetes object.

    Args:
        builder: is given all that the files say.
        report: is told how far it has come.
        documents: is given what documents say, where somebody wants that.

    Attributes:
        foreign: how many documents are no Kubernetes object, by the path of their file.
    """

    def __init__(self, builder: MeshBuilder, report: Report, documents: Documents | None = None) -> None:
        self._builder = builder
        self._report = report
        self._documents = documents
        self.foreign: dict[str, int] = {}

    def file(self, path: Path) -> None:
        """A file; a gap where it cannot be read."""
        name = os.fspath(path)
        try:
            with path.open("rb") as stream:
                self.stream(stream, name, path.stat().st_size)
        except OSError as error:
            detail = error.strerror or str(error)
            self._builder.gap(Gap(name, GapReason.FORBIDDEN, detail, "make the file readable"))

    def stream(self, stream: BinaryIO, name: str, size: int | None = None) -> None:
        """What can be read but once, or a file that is open.

        Args:
            stream: of any form that files have.
            name: for origins and messages.
            size: in bytes, where it is known.
        """
        reads = read_archive(stream, name) if name.endswith(ARCHIVES) else _sniffed(stream, name)
        for number, read in enumerate(reads):
            self._take(read, name)
            if number % _EVERY == 0:
                self._report(Progress(name, _position(stream), size, "bytes"))
        self._report(Progress(name, _position(stream), size, "bytes"))

    def _take(self, read: Read, file: str) -> None:
        match read:
            case Gap():
                self._builder.gap(read)
            case Remark():
                self._builder.remark(read)
            case Pods():
                self._builder.add_pods(read.wires, read.origin)
            case Items():
                self._keep(read)
                for raw, origin in read:
                    for each in unnested(raw):
                        self._object(each, origin, read.declared, file)

    def _keep(self, read: Items) -> None:
        """Remember what a document says, unless that is not for us to hold."""
        if self._documents is None or not read.whole:
            return
        for raw, origin in read:
            if _SECRET not in raw:
                self._documents[origin.path, origin.document] = raw

    def _object(self, raw: bytes | Raw, origin: FileOrigin, declared: TypeMeta | None, file: str) -> None:
        try:
            header = declared or type_meta(raw)
        except msgspec.ValidationError:
            header = TypeMeta()
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            header = None
        told = header and _NO_OBJECTS.get((header.api_version, header.kind))
        if told:
            self._builder.gap(Gap(str(origin), GapReason.UNSUPPORTED, told, "fetch the objects again, as JSON or YAML"))
        elif header is None or (header.api_version and header.kind):
            self._builder.add(raw, origin, header)
        else:
            self.foreign[file] = self.foreign.get(file, 0) + 1


def told_of_foreign(path: str, count: int) -> Remark:
    """What is said of a file some of whose documents are no Kubernetes objects."""
    documents = "1 document is" if count == 1 else f"{count} documents are"
    return Remark(path, f"{documents} no Kubernetes object (no apiVersion and kind)")


def _sniffed(stream: BinaryIO, name: str) -> Iterator[Read]:
    """Compressed or not, JSON or YAML, by the first bytes, without needing to seek back."""
    if hasattr(stream, "peek"):
        yield from _peeked(cast("io.BufferedReader[Any]", stream), name)
        return
    buffered = io.BufferedReader(cast("io.RawIOBase", stream))
    try:
        yield from _peeked(buffered, name)
    finally:
        buffered.detach()


def _peeked(stream: "io.BufferedReader[Any]", name: str) -> Iterator[Read]:
    head = stream.peek(_HEAD)[:_HEAD]
    yield from _unzipped(stream, name) if head.startswith(_GZIP) else read_text(stream, name, head)


def _unzipped(stream: BinaryIO, name: str) -> Iterator[Read]:
    try:
        with gzip.open(stream) as plain:
            yield from _sniffed(cast("BinaryIO", plain), name)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        yield Gap(name, GapReason.TRUNCATED, str(error), "fetch the file again; what stood before was read")


def _position(stream: BinaryIO) -> int:
    try:
        return stream.tell()
    except OSError:
        return 0
