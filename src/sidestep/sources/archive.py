"""Read dumps without unpacking them: `must-gather`, `istioctl bug-report`, any tar or zip of manifests.

Nothing is written to disk, so a hostile member name can do no harm; it is still refused, because an archive that has
one is not what it claims to be. What expands beyond reason is refused too.
"""

import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from sidestep.model.gaps import Gap, GapReason, Remark
from sidestep.sources.documents.item import Read
from sidestep.sources.documents.yaml_stream import read_text

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip")
LARGEST_MEMBER = 4 * 2**30
LARGEST_TOTAL = 16 * 2**30
_HEAD = 4096
_MANIFESTS = (".yaml", ".yml", ".json")
_DAMAGE = (EOFError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile, OSError)


def read_archive(stream: BinaryIO, name: str) -> Iterator[Read]:
    """All objects of all manifests in an archive; origins read `archive!member`."""
    count = _Count()
    try:
        yield from _zip(stream, name, count) if name.endswith(".zip") else _tar(stream, name, count)
    except _TooLargeError as error:
        yield Gap(name, GapReason.TOO_LARGE, str(error), "unpack it yourself and name the folder")
    except _DAMAGE as error:
        yield Gap(name, GapReason.TRUNCATED, str(error) or "damaged", "fetch it again; what stood before was read")
    if count.skipped:
        yield Remark(name, f"{count.skipped} members are no manifests and were not read")


class _TooLargeError(Exception):
    """An archive that expands beyond reason."""


class _Count:
    """What one archive has cost so far."""

    def __init__(self) -> None:
        self.total = 0
        self.skipped = 0

    def add(self, size: int) -> None:
        """A member is about to be read."""
        self.total += size
        if size > LARGEST_MEMBER or self.total > LARGEST_TOTAL:
            raise _TooLargeError(f"it expands to more than {LARGEST_MEMBER >> 30} GiB in one member or too much in all")


def _tar(stream: BinaryIO, name: str, count: _Count) -> Iterator[Read]:
    with tarfile.open(fileobj=stream, mode="r|*") as archive:
        for member in archive:
            refusal = _refusal(member.name, is_file=member.isfile() or member.isdir())
            if refusal:
                yield Remark(f"{name}!{member.name}", refusal)
            elif member.isfile():
                count.add(member.size)
                content = archive.extractfile(member)
                if content is not None:
                    yield from _member(cast("BinaryIO", content), name, member.name, count)


def _zip(stream: BinaryIO, name: str, count: _Count) -> Iterator[Read]:
    seekable = stream if stream.seekable() else io.BytesIO(stream.read(LARGEST_MEMBER))
    with zipfile.ZipFile(seekable) as archive:
        for member in archive.infolist():
            is_link = (member.external_attr >> 28) == 0xA
            refusal = _refusal(member.filename, is_file=not is_link)
            if refusal:
                yield Remark(f"{name}!{member.filename}", refusal)
            elif not member.is_dir():
                count.add(member.file_size)
                with archive.open(member) as content:
                    yield from _member(cast("BinaryIO", content), name, member.filename, count)


def _refusal(member: str, *, is_file: bool) -> str | None:
    path = PurePosixPath(member)
    if path.is_absolute() or ".." in path.parts or "\\" in member:
        return "a member whose name leaves the archive was refused"
    if not is_file:
        return "a member that is a link or a device was refused"
    return None


def _member(content: BinaryIO, archive: str, member: str, count: _Count) -> Iterator[Read]:
    """The objects of one member, if it is a manifest: by its name, or without one by how it starts."""
    buffered = io.BufferedReader(cast("io.RawIOBase", content))
    head = buffered.peek(_HEAD)[:_HEAD]
    suffix = PurePosixPath(member).suffix
    is_manifest = suffix in _MANIFESTS or (not suffix and (b"apiVersion:" in head or b'"apiVersion"' in head))
    if not is_manifest:
        count.skipped += 1
        return
    yield from read_text(cast("BinaryIO", buffered), f"{archive}!{member}", head)
