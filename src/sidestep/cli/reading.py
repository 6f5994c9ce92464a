"""Open the door that the options name, and say on stderr how reading goes."""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from msgspec import Struct

from sidestep.cli.options import SourceOptions
from sidestep.errors import UsageError, WorldError
from sidestep.model.mesh import Mesh
from sidestep.report.units import count, memory
from sidestep.semantics.unread import not_judged
from sidestep.sources.documents.item import Documents
from sidestep.sources.interface import Progress, Report, Source, unheard

SNAPSHOT_SUFFIX = ".sidestep"
REVISION = "git:"
"""How the name of a revision starts."""
_NOTES_SHOWN = 10


class Manner(Struct, frozen=True):
    """How much to say on stderr."""

    quiet: bool = False
    verbose: bool = False


def read_mesh(
    options: SourceOptions, manner: Manner, *, require_complete: bool, documents: Documents | None = None
) -> Mesh:
    """Read, with progress, and tell what is missing.

    Args:
        options: which mesh.
        manner: how much to say.
        require_complete: whether something that is missing is an error.
        documents: is given what the documents of files say.

    Raises:
        WorldError: the mesh is partial though `require_complete` forbids it.
    """
    mesh = reading(open_source(options, documents).read, manner)
    tell_missing(mesh, manner, require_complete=require_complete)
    return mesh


def reading(read: Callable[[Report], Mesh], manner: Manner) -> Mesh:
    """Read, with progress."""
    with garbage_untouched(), _progress(manner) as report:
        return read(report)


def tell_missing(mesh: Mesh, manner: Manner, *, require_complete: bool) -> None:
    """Say what could not be read.

    Raises:
        WorldError: the mesh is partial though `require_complete` forbids it.
    """
    _tell(mesh, manner)
    if require_complete:
        demand_complete(mesh)


def demand_complete(mesh: Mesh) -> None:
    """Hold a mesh to `--require-complete`.

    Raises:
        WorldError: something is missing.
    """
    if not mesh.complete:
        raise WorldError(
            f"not everything could be read ({len(mesh.gaps)} missing), and --require-complete asks for that",
            where=mesh.source.name,
            remedy="see the list above",
        )


def open_source(options: SourceOptions, documents: Documents | None = None) -> Source:
    """The door that the options name; behind that of files, documents are remembered."""
    if not options.paths:
        from sidestep.sources.cluster import ClusterSource, cluster_access  # noqa: PLC0415 - only for clusters

        access = cluster_access(options.kubeconfig, options.context, options.request_timeout)
        return ClusterSource(access, options.namespaces, options.selector)
    from sidestep.sources.snapshot import SnapshotSource, is_snapshot  # noqa: PLC0415 - not for clusters

    if any(path.startswith(REVISION) for path in options.paths):
        return _revision(options.paths)
    snapshots = [path for path in options.paths if path.endswith(SNAPSHOT_SUFFIX) or is_snapshot(path)]
    if not snapshots:
        from sidestep.sources.files import FilesSource  # noqa: PLC0415 - only for files

        return FilesSource(options.paths, sys.stdin.buffer, documents)
    if len(options.paths) > 1:
        raise UsageError("a snapshot is a whole mesh", where=snapshots[0], remedy="give it alone")
    return SnapshotSource(snapshots[0])


def _revision(paths: tuple[str, ...]) -> Source:
    """The door to a revision of the repository around the working folder."""
    from sidestep.sources.git_revision import GitSource  # noqa: PLC0415 - only for revisions

    if len(paths) > 1:
        raise UsageError("a revision is a whole mesh", where=REVISION, remedy="give it alone")
    return GitSource(paths[0])


@contextmanager
def garbage_untouched() -> Iterator[None]:
    """Without the cycle collector: reading makes millions of values that stay, and no cycles."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _tell(mesh: Mesh, manner: Manner) -> None:
    for gap in mesh.gaps[:_NOTES_SHOWN]:
        click.echo(f"partial: {gap}", err=True)
    if len(mesh.gaps) > _NOTES_SHOWN:
        click.echo(f"partial: … and {len(mesh.gaps) - _NOTES_SHOWN} more", err=True)
    if mesh.skipped_secrets and not manner.quiet:
        click.echo(f"note: {count(mesh.skipped_secrets, 'Secret')} skipped unread", err=True)
    for text in () if manner.quiet else not_judged(mesh):
        click.echo(f"note: {text}", err=True)
    shown = mesh.remarks if manner.verbose else mesh.remarks[: 0 if manner.quiet else 3]
    for remark in shown:
        click.echo(f"note: {remark}", err=True)
    if len(mesh.remarks) > len(shown) and not manner.quiet:
        click.echo(f"note: … and {len(mesh.remarks) - len(shown)} more (-v shows all)", err=True)


@contextmanager
def _progress(manner: Manner) -> Iterator[Report]:
    if manner.quiet or not sys.stderr.isatty():
        yield _lines() if manner.verbose else unheard
        return
    from rich.console import Console  # noqa: PLC0415 - only who watches pays for it

    with Console(stderr=True).status("reading") as status:
        yield lambda progress: status.update(f"reading {_told(progress)}")


def _lines() -> Report:
    """Line after line, none twice."""
    last = ""

    def report(progress: Progress) -> None:
        nonlocal last
        told = _told(progress)
        if told != last:
            click.echo(f"read {told}", err=True)
        last = told

    return report


def _told(progress: Progress) -> str:
    if progress.unit == "bytes":
        return f"{progress.what}: {memory(progress.done)}B"
    total = f" of {progress.total:,}" if progress.total else ""
    return f"{progress.what}: {progress.done:,}{total}"
