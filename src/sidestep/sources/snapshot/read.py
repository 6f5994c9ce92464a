"""Read a snapshot, or say exactly why not."""

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
from msgspec import Struct

from sidestep.errors import WorldError
from sidestep.model.mesh import Mesh, SourceInfo, SourceKind
from sidestep.sources.interface import Progress, Report, unheard
from sidestep.sources.objects.builder import MeshBuilder
from sidestep.sources.snapshot.layout import (
    API_VERSION,
    FORMAT_VERSION,
    MANIFEST,
    TRAILER,
    Header,
    Line,
    Manifest,
    Trailer,
)

_LONGEST_LINE = 2**28
_TRAILER_START = f'{{"apiVersion":"{API_VERSION}","kind":"{TRAILER}"'.encode()
_EVERY = 8192
_RETAKE = "take the snapshot again, or copy the file again"
_DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)

_decode_line = msgspec.json.Decoder(Line).decode


class SnapshotSource:
    """A snapshot file.

    A snapshot of manifests still says that it is of files: what is absent there says nothing about a cluster.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self, report: Report = unheard) -> Mesh:
        """The mesh as it was when the snapshot was taken.

        Raises:
            WorldError: the file is missing, no snapshot, truncated, altered, or of a newer format.
        """
        try:
            with gzip.open(self._path) as stream:
                return self._read(cast("BinaryIO", stream), report)
        except EOFError as error:
            raise self._error("the snapshot is truncated", _RETAKE) from error
        except (zlib.error, gzip.BadGzipFile) as error:
            raise self._error(f"the snapshot is altered or is none: {error}", _RETAKE) from error
        except OSError as error:
            raise self._error(error.strerror or str(error), "check the path") from error

    def manifest(self) -> Manifest:
        """What the first line says.

        Raises:
            WorldError: as `read`.
        """
        try:
            with gzip.open(self._path) as stream:
                return self._manifest(stream.readline(_LONGEST_LINE))
        except (*_DAMAGE, OSError) as error:
            raise self._error(f"cannot be read as a snapshot: {error}", _RETAKE) from error

    def _read(self, stream: BinaryIO, report: Report) -> Mesh:
        first = stream.readline(_LONGEST_LINE)
        manifest = self._manifest(first)
        builder = MeshBuilder()
        for gap in manifest.gaps:
            builder.gap(gap)
        for remark in manifest.remarks:
            builder.remark(remark)
        total = sum(manifest.counts.values())
        for number, line in enumerate(self._lines(stream, first)):
            builder.carry(line.object, line.origin) if line.opaque else builder.add(line.object, line.origin)
            if number % _EVERY == 0:
                report(Progress(self._path, number, total))
        mesh = builder.build(_source(self._path, manifest))
        return msgspec.structs.replace(mesh, skipped_secrets=manifest.skipped_secrets)

    def _manifest(self, line: bytes) -> Manifest:
        try:
            header = msgspec.json.decode(line, type=Header)
            if (header.api_version, header.kind) != (API_VERSION, MANIFEST):
                raise self._error("not a snapshot of sidestep", "name a file written by `sidestep snapshot`")
            if header.format_version > FORMAT_VERSION:
                raise self._error(
                    f"made by a newer sidestep (format {header.format_version}, known is {FORMAT_VERSION})",
                    "install a newer sidestep",
                )
            return msgspec.json.decode(line, type=Manifest)
        except msgspec.MsgspecError as error:
            raise self._error("not a snapshot of sidestep", "name a file written by `sidestep snapshot`") from error

    def _lines(self, stream: BinaryIO, first: bytes) -> Iterator[Line]:
        """All objects; the checksum is compared after the last."""
        seen = _Seen(hashlib.sha256(first))
        while text := stream.readline(_LONGEST_LINE):
            if text.startswith(_TRAILER_START):
                self._compare(text, stream.read(1), seen)
                return
            seen.checksum.update(text)
            seen.count += 1
            try:
                line = _decode_line(text)
            except msgspec.MsgspecError as error:
                raise self._error(f"the snapshot is altered: line {seen.count + 1}: {error}", _RETAKE) from error
            yield line
        raise self._error("the snapshot is truncated: it has no end mark", _RETAKE)

    def _compare(self, text: bytes, after: bytes, seen: "_Seen") -> None:
        try:
            trailer = msgspec.json.decode(text, type=Trailer)
        except msgspec.MsgspecError as error:
            raise self._error(f"the snapshot is altered: {error}", _RETAKE) from error
        if after or (trailer.count, trailer.sha256) != (seen.count, seen.checksum.hexdigest()):
            raise self._error("the snapshot is altered: its checksum does not fit", _RETAKE)

    def _error(self, message: str, remedy: str) -> WorldError:
        return WorldError(message, where=self._path, remedy=remedy)


class _Seen(Struct):
    checksum: "hashlib._Hash"
    count: int = 0


def is_snapshot(path: str) -> bool:
    """Whether a file starts as a snapshot does, whatever it is called."""
    try:
        with Path(path).open("rb") as raw, gzip.open(raw) as stream:
            return msgspec.json.decode(stream.readline(_LONGEST_LINE), type=Header).kind == MANIFEST
    except (*_DAMAGE, OSError, msgspec.MsgspecError):
        return False


def _source(path: str, manifest: Manifest) -> SourceInfo:
    source = manifest.source
    kind = SourceKind.FILES if source.kind is SourceKind.FILES else SourceKind.SNAPSHOT
    read_at = source.read_at or manifest.created
    return msgspec.structs.replace(source, kind=kind, name=path, read_at=read_at)
