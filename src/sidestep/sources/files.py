"""The door for files: directories, manifests, dumps and archives, as the user names them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, cast

from sidestep.errors import WorldError
from sidestep.model.gaps import Gap, GapReason, Remark
from sidestep.model.mesh import Mesh, SourceInfo, SourceKind
from sidestep.sources.documents.item import Documents
from sidestep.sources.file_reader import FileReader, told_of_foreign
from sidestep.sources.interface import Report, unheard
from sidestep.sources.objects.builder import MeshBuilder
from sidestep.sources.tree import Found, Unrendered, walk

STDIN = "-"
NO_SUCH = "no such file or directory"
_NAMED = "name a folder of rendered manifests, a file from `kubectl get -A -o json`, or a snapshot"
_PIPED = "see what the command before the pipe says: it gave none"


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
        builder = MeshBuilder()
        reader = FileReader(builder, report, self._documents)
        for path in self._paths:
            if path == STDIN:
                stream = self._stdin or cast("BinaryIO", open(0, "rb", closefd=False))  # noqa: SIM115 - not ours to close
                reader.stream(stream, path)
                continue
            for found in found_at(path):
                if isinstance(found, Path):
                    reader.file(found)
                else:
                    note(found, builder)
        for path, count in reader.foreign.items():
            builder.remark(told_of_foreign(path, count))
        return something(builder.build(source_info(self._paths)))


def source_info(paths: Sequence[str]) -> SourceInfo:
    """What says that a mesh was read from files."""
    return SourceInfo(SourceKind.FILES, ", ".join(paths))


def found_at(path: str) -> Iterator[Found]:
    """All files that a path of the user's stands for.

    Raises:
        WorldError: there is nothing.
    """
    root = Path(path)
    if not root.exists():
        raise WorldError(NO_SUCH, where=path, remedy="check the path")
    return walk(root) if root.is_dir() else iter((root,))


def note(found: Found, builder: MeshBuilder) -> None:
    """Tell a builder of what is there and is not read."""
    match found:
        case Unrendered(place, what, remedy):
            builder.gap(Gap(place, GapReason.UNSUPPORTED, what, remedy))
        case Gap():
            builder.gap(found)
        case Remark():
            builder.remark(found)
        case Path():
            pass


def something(mesh: Mesh) -> Mesh:
    """A mesh in which anything is.

    Raises:
        WorldError: nothing could be read.
    """
    if not (mesh.pods or mesh.resources or mesh.others or mesh.skipped_secrets):
        raise _nothing_read(mesh)
    return mesh


def _nothing_read(mesh: Mesh) -> WorldError:
    """Why there is no mesh: the first thing that could not be read, or that there was nothing to read."""
    if not mesh.gaps:
        piped = mesh.source.name == STDIN
        told = "no Kubernetes object found" + (f" ({mesh.remarks[0]})" if mesh.remarks else "")
        return WorldError(told, where=mesh.source.name, remedy=_PIPED if piped else _NAMED)
    first, more = mesh.gaps[0], len(mesh.gaps) - 1
    told = f"nothing could be read: {first.detail or first.reason.value}" + (f" (and {more} more)" if more else "")
    return WorldError(told, where=first.resource, remedy=first.remedy)
