"""Where a plan is carried out, and where its runs are kept: a cluster, or a lab on this machine."""

import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from sidestep.actions.gates.watching import Measure
from sidestep.actions.runs.events import Event
from sidestep.actions.runs.outlook import Tried
from sidestep.actions.runs.records import FileRecords, Records
from sidestep.actions.worlds.interface import World
from sidestep.cli.options import Duration
from sidestep.model.mesh import Mesh

_RUNS = "runs"
DEFAULT_NAMESPACE = "istio-system"


class Where(Struct, frozen=True):
    """Which place.

    Attributes:
        context: of the kubeconfig; None for the current one.
        kubeconfig: its path; None as kubectl has it.
        namespace: in which a cluster keeps runs.
        request_timeout: seconds for one request.
        lab: name of a running lab instead of a cluster.
        gitops: folder of a repository that the cluster, or the lab, follows.
    """

    context: str | None
    kubeconfig: str | None
    namespace: str
    request_timeout: float
    lab: str | None
    gitops: str | None = None

    @property
    def again(self) -> str:
        """Options by which another command means the same place, with a space before each; none for what is usual."""
        usual = DEFAULT_NAMESPACE if self.lab is None and self.gitops is None else self.namespace
        named = {
            "--context": self.context, "--kubeconfig": self.kubeconfig, "--lab": self.lab, "--gitops": self.gitops,
            "-n": self.namespace if self.namespace != usual else None,
        }  # fmt: skip
        return "".join(f" {option} {shlex.quote(value)}" for option, value in named.items() if value)


class Guard:
    """Asked before every write, whether this process may still write."""

    def __init__(self) -> None:
        self.check: Callable[[], object] = lambda: None

    def __call__(self) -> object:
        """Nothing, or why not, as an error."""
        return self.check()


class Place(Struct, frozen=True):
    """Where a plan is carried out.

    Attributes:
        world: that is written.
        records: of its runs.
        guard: of writes.
        cluster: uid by which clusters are told apart; empty for a lab.
        named: for people.
        read: the mesh that is there; None where nothing but the world tells.
        observe: the mesh as it becomes, step by step, by the plan's own objects; None where it does not.
        tried: the same world, asked what it would make of writes; None where it cannot be.
        noticed: what tells people there of a run's events, by its name.
        again: options by which another command means this place.
    """

    world: World
    records: Records
    guard: Guard
    cluster: str
    named: str
    read: Callable[[], Mesh] | None = None
    observe: Callable[[], Mesh] | None = None
    tried: Tried | None = None
    noticed: Callable[[str], Callable[[Event], object]] = lambda _: _unheard
    again: str = ""


def where_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Kubectl's own options for a cluster, or a lab."""
    for option in (
        click.option("--gitops", metavar="DIR", help="A repository that the cluster follows: waves are commits."),
        click.option("--lab", metavar="NAME", help="A running lab (sidestep lab up) instead of a cluster."),
        click.option(
            "--request-timeout", type=Duration(), default="30s", show_default=True, metavar="TIME",
            help="Give up on a request of the cluster after this long.",
        ),
        click.option(
            "-n", "--namespace", default=DEFAULT_NAMESPACE, show_default=True, metavar="NS",
            help="Where the cluster keeps the journals of runs.",
        ),
        click.option("--kubeconfig", metavar="FILE", help="Path of the kubeconfig.  [default: as kubectl]"),
        click.option("--context", metavar="NAME", help="Context of the kubeconfig.  [default: the current one]"),
    ):  # fmt: skip
        function = option(function)
    return function


def chosen_place(values: dict[str, Any]) -> Where:
    """Take the options of the place out of a command's values.

    Raises:
        click.UsageError: options that contradict each other.
    """
    chosen = Where(**{name: values.pop(name) for name in Where.__struct_fields__})
    if chosen.lab and (chosen.context or chosen.kubeconfig):
        raise click.UsageError("--lab names a lab; --context and --kubeconfig name a cluster: give one of them")
    return chosen


def opened(where: Where, measure: Measure | None = None, run: str | None = None) -> AbstractContextManager[Place]:
    """The place, for as long as the block lasts.

    Args:
        where: which.
        measure: what gates see; None for nothing.
        run: that is gone on with, where the place depends on it; None for the newest.

    Raises:
        SidestepError: it cannot be reached.
    """
    if where.gitops:
        from sidestep.cli.migrate.gitops import reopened  # noqa: PLC0415 - only for repositories

        return reopened(where, measure, run)
    known = measure or _unmeasured
    return _lab(where.lab, known, where.again) if where.lab else _cluster(where, known)


@contextmanager
def kept(where: Where) -> Iterator[Records]:
    """The records of a place, for as long as the block lasts.

    Raises:
        SidestepError: they cannot be reached.
    """
    if where.gitops:
        from sidestep.cli.migrate.git import Git  # noqa: PLC0415 - only for repositories

        yield FileRecords(Git(Path(where.gitops)).own / _RUNS, now)
        return
    with opened(where) as place:
        yield place.records


def _unheard(_: Event) -> None:
    """There is nobody to be told."""


def _unmeasured(*_: object) -> None:
    """Nobody measures."""


@contextmanager
def _lab(name: str, measure: Measure, again: str) -> Iterator[Place]:
    from sidestep.actions.worlds.lab import LabWorld  # noqa: PLC0415 - only for labs
    from sidestep.cli.lab.choices import client  # noqa: PLC0415
    from sidestep.lab.api import messages as api  # noqa: PLC0415
    from sidestep.lab.machine.scratch import home  # noqa: PLC0415

    speaker = client(name)
    speaker.ask(api.Status())
    records = FileRecords(home(name) / _RUNS, now)
    world = LabWorld(name, speaker, measure)
    yield Place(world, records, Guard(), "", f"lab {name}", observe=world.mesh, again=again)


@contextmanager
def _cluster(where: Where, measure: Measure) -> Iterator[Place]:
    from sidestep.actions.runs.in_cluster.notices import Notices  # noqa: PLC0415 - only for clusters
    from sidestep.actions.runs.in_cluster.records import ClusterRecords  # noqa: PLC0415
    from sidestep.actions.worlds.cluster.server import Server  # noqa: PLC0415
    from sidestep.actions.worlds.cluster.world import ClusterWorld, cluster_identity  # noqa: PLC0415
    from sidestep.sources.cluster import ClusterSource, cluster_access  # noqa: PLC0415

    access = cluster_access(where.kubeconfig, where.context, where.request_timeout)
    server, guard, read = Server(access), Guard(), ClusterSource(access).read
    try:
        identity = cluster_identity(server)
        yield Place(
            ClusterWorld(server, identity, measure=measure, may_write=guard),
            ClusterRecords(server, where.namespace, now),
            guard,
            identity,
            f"cluster {access.name} ({access.server})",
            read,
            read,
            ClusterWorld(server, identity, dry_run=True),
            lambda run: Notices(server, where.namespace, run),
            where.again,
        )
    finally:
        server.close()


def now() -> str:
    """RFC 3339, to milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
