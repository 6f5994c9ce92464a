"""The door for files: directories, manifests, dumps and archives, as the user names them."""

import gzip
import io
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec
from msgspec import Raw

from sidestep.errors import WorldError
from sidestep.model.gaps import Gap, GapReason, Remark
from sidestep.model.mesh import Mesh, SourceInfo, SourceKind
from sidestep.model.origin import FileOrigin
from sidestep.sources.archive import ARCHIVES, read_archive
from sidestep.sources.documents.item import Documents, Items, Pods, Read
from sidestep.sources.documents.nested import unnested
from sidestep.sources.documents.yaml_stream import read_text
from sidestep.sources.interface import Progress, Report, unheard
from sidestep.sources.objects.builder import MeshBuilder, TypeMeta, type_meta
from sidestep.sources.tree import Unrendered, walk

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


class FilesSource:
    """Manifests in files.

    Args:
        paths: files, directories, archives, or `-` for `stdin`.
        stdin: what `-` reads.
        documents: is given what was read, for who edits the files afterwards and need not read them twice.
    """

    def __init__(self, paths: Sequence[str], stdin: BinaryIO | None = None, documents: Documents | None = None) -> None:
        self._paths = tuple(paths)
        self._stdin = stdin
        self._documents = documents

    def read(self, report: Report = unheard) -> Mesh:
        """Everything that the paths hold.

        Where the same object stands in two files, the first counts and a remark names both.

        Raises:
            WorldError: a path does not exist, or none of them holds an object that can be read.
        """
        reader = _Reader(report, self._documents)
        for path in self._paths:
            reader.path(path, self._stdin)
        mesh = reader.finish(SourceInfo(SourceKind.FILES, ", ".join(self._paths)))
        if not (mesh.pods or mesh.resources or mesh.others or mesh.skipped_secrets):
            raise _nothing_read(mesh)
        return mesh


def _nothing_read(mesh: Mesh) -> WorldError:
    """Why there is no mesh: the first thing that could not be read, or that there was nothing to read."""
    if not mesh.gaps:
        remedy = "name a folder of rendered manifests, a file from `kubectl get -A -o json`, or a snapshot"
        return WorldError("no Kubernetes object found", where=mesh.source.name, remedy=remedy)
    first, more = mesh.gaps[0], len(mesh.gaps) - 1
    told = f"nothing could be read: {first.detail or first.reason.value}" + (f" (and {more} more)" if more else "")
    return WorldError(told, where=first.resource, remedy=first.remedy)


class _Reader:
    """Feeds a builder from paths and remembers what was no Kubernetes object."""

    def __init__(self, report: Report, documents: Documents | None) -> None:
        self._builder = MeshBuilder()
        self._report = report
        self._documents = documents
        self._foreign: dict[str, int] = {}

    def finish(self, source: SourceInfo) -> Mesh:
        """The mesh of all that was read."""
        for path, count in self._foreign.items():
            documents = "1 document is" if count == 1 else f"{count} documents are"
            self._builder.remark(Remark(path, f"{documents} no Kubernetes object (no apiVersion and kind)"))
        return self._builder.build(source)

    def path(self, path: str, stdin: BinaryIO | None) -> None:
        """One argument of the user's."""
        if path == "-":
            self._stream(stdin or cast("BinaryIO", open(0, "rb", closefd=False)), "-")  # noqa: SIM115 - not ours to close
            return
        root = Path(path)
        if not root.exists():
            raise WorldError("no such file or directory", where=path, remedy="check the path")
        if not root.is_dir():
            self._file(root)
            return
        for found in walk(root):
            match found:
                case Path():
                    self._file(found)
                case Unrendered(place, what, remedy):
                    self._builder.gap(Gap(place, GapReason.UNSUPPORTED, what, remedy))
                case Remark():
                    self._builder.remark(found)

    def _file(self, path: Path) -> None:
        name = os.fspath(path)
        try:
            with path.open("rb") as stream:
                self._stream(stream, name, path.stat().st_size)
        except OSError as error:
            detail = error.strerror or str(error)
            self._builder.gap(Gap(name, GapReason.FORBIDDEN, detail, "make the file readable"))

    def _stream(self, stream: BinaryIO, name: str, size: int | None = None) -> None:
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
            self._foreign[file] = self._foreign.get(file, 0) + 1


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
