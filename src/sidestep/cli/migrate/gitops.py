"""`sidestep migrate --gitops`: each wave one commit of the user's repository, and a cluster that follows it."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from sidestep.actions.gates.watching import Measure
from sidestep.actions.runs.records import FileRecords
from sidestep.actions.stages import Stage
from sidestep.actions.worlds.gitops.commits import Mode, by_hand, of_commits
from sidestep.actions.worlds.gitops.converged import applier
from sidestep.actions.worlds.gitops.world import GitOpsWorld
from sidestep.actions.worlds.interface import World
from sidestep.cli.git import check_committed
from sidestep.cli.migrate.branch import Branch
from sidestep.cli.migrate.git import Git
from sidestep.cli.migrate.place import Guard, Place, Where, now, opened
from sidestep.cli.migrate.staging import Staging
from sidestep.cli.options import Duration
from sidestep.errors import UsageError, WorldError
from sidestep.plan.document import Plan
from sidestep.plan.steps import Gate
from sidestep.report.units import count

_RUNS = "runs"


class Settings(Struct, frozen=True, rename="camel"):
    """Of a run of commits; kept with its plan, so that whoever goes on with it does it the same way.

    Attributes:
        branch: on which is committed.
        start: the commit at which it begins.
        appliers: of the repository, as they were named.
        remote: to which is pushed; empty for nowhere.
        render: the command that prints what the folder makes.
        proves: each stage is proved.
        force: although a proof says otherwise.
        offline: no cluster is looked at.
        patience: seconds until the cluster must have converged.
    """

    branch: str
    start: str
    appliers: tuple[str, ...] = ()
    remote: str = ""
    render: str = ""
    proves: bool = True
    force: bool = False
    offline: bool = False
    patience: float = 3600.0


class _Kept(Struct, frozen=True):
    """What the document of a run of commits says besides its plan."""

    gitops: Settings
    origin: Plan


class Prepared(Struct, frozen=True):
    """A run of commits before it begins.

    Attributes:
        plan: of commits.
        content: its document.
        place: where it is carried out.
        branch: of the commits.
        stages: that they make.
        notes: what should be known.
    """

    plan: Plan
    content: bytes
    place: Place
    branch: Branch
    stages: tuple[str, ...]
    notes: tuple[str, ...]

    def looked_at(self) -> str:
        """What the commits would say, made on a branch that nobody sees."""
        trial = self.branch.under(f"sidestep/trial-{os.getpid()}")
        try:
            for stage in self.stages:
                trial.make(stage)
            return trial.diff()
        finally:
            trial.forget()

    def as_patches(self, folder: Path) -> tuple[str, ...]:
        """The commits as files; the branch goes.

        Raises:
            WorldError: the folder cannot be written.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorldError(error.strerror or str(error), where=str(folder), remedy="check --patches") from error
        names = self.branch.series(folder)
        self.branch.forget()
        return tuple(str(folder / name) for name in names)


def gitops_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """How commits are made."""
    for option in (
        click.option(
            "--converge-within", "patience", type=Duration(), default="1h", show_default=True, metavar="TIME",
            help="Fail a wave whose commit the cluster has not become after this long.",
        ),
        click.option("--offline", is_flag=True, help="Commit all at once: no cluster is looked at, no gate asked."),
        click.option(
            "--render", default="", metavar="COMMAND", help="Prints what the folder makes, e.g. 'kubectl kustomize .'."
        ),
        click.option("--push", "remote", default="", metavar="REMOTE", help="Push after each commit."),
        click.option(
            "--application", "appliers", multiple=True, metavar="[KIND/]NS/NAME",
            help="What applies the repository: an Application, kustomization or helmrelease. Repeatable.",
        ),
        click.option("--patches", metavar="DIR", help="Write files for `git am`, and no branch; as --offline."),
        click.option("--branch", default="", metavar="NAME", help="For the commits.  [default: sidestep/ambient]"),
    ):  # fmt: skip
        function = option(function)
    return function


def settings_of(values: dict[str, Any], git: Git) -> Settings:
    """What the options say.

    Raises:
        UsageError: options that contradict each other, or a branch that somebody works on.
    """
    branch = values["branch"] or "sidestep/ambient"
    if values["patches"] and (values["branch"] or values["remote"]):
        raise UsageError("--patches makes no branch", where="--patches", remedy="leave --branch and --push out")
    if values["patches"]:
        branch = f"sidestep/patches-{os.getpid()}"
    if git.ask("rev-parse", "--abbrev-ref", "HEAD").strip() == branch:
        raise UsageError(f"the branch {branch} is checked out", where="--branch", remedy="name another one")
    start = git.commit_of(f"refs/heads/{branch}") or git.commit_of("HEAD")
    if not start:
        raise UsageError("the repository has no commit yet", where=str(git.top), remedy="commit what is there")
    for each in values["appliers"]:
        applier(each)
    return Settings(
        branch, start, tuple(values["appliers"]), values["remote"], values["render"],
        force=values["force"], offline=values["offline"] or bool(values["patches"]), patience=values["patience"],
    )  # fmt: skip


@contextmanager
def prepared(plan: Plan, git: Git, settings: Settings, where: Where, measure: Measure | None) -> Iterator[Prepared]:
    """A run of commits of a plan.

    Raises:
        WorldError: the repository has changes that nobody committed, or the plan is not of it.
        SidestepError: the cluster cannot be reached.
    """
    check_committed(git.top, otherwise="")
    with ExitStack() as stack:
        cluster = None if settings.offline else stack.enter_context(opened(replace(where, gitops=None), measure))
        stages, branch = _stages(plan, git, settings)
        derived = of_commits(plan, stages, Mode(settings.offline, int(settings.patience), bool(settings.remote)))
        content = msgspec.json.encode({**msgspec.to_builtins(derived), "gitops": settings, "origin": plan})
        names = tuple(stage.name for stage in stages if stage.objects)
        place = _place(git, branch, stages, cluster, settings, where.again)
        yield Prepared(derived, content, place, branch, names, tuple(_notes(plan, settings)))


@contextmanager
def reopened(where: Where, measure: Measure | None, run: str | None) -> Iterator[Place]:
    """The place of a run of commits that was begun: the newest, unless another is named.

    Raises:
        UsageError: there is none.
    """
    git = Git(Path(where.gitops or "."))
    records = _records(git)
    names = records.runs()
    if not names:
        remedy = "begin one with sidestep migrate --plan DIR --gitops DIR --apply"
        raise UsageError("there is no run yet", where=records.place, remedy=remedy)
    kept = msgspec.json.decode(records.plan(run or names[-1]), type=_Kept)
    with ExitStack() as stack:
        offline = kept.gitops.offline
        cluster = None if offline else stack.enter_context(opened(replace(where, gitops=None), measure))
        stages, branch = _stages(kept.origin, git, kept.gitops)
        yield _place(git, branch, stages, cluster, kept.gitops, where.again)


def _notes(plan: Plan, settings: Settings) -> Iterator[str]:
    yield from (f"{step.id} is yours to do: {step.description}" for step in by_hand(plan))
    gates = sum(isinstance(step.effect, Gate) for step in plan.steps)
    if settings.offline and gates:
        yield f"no cluster is looked at: nothing is waited for, and none of {count(gates, 'gate')} is asked"


def _stages(plan: Plan, git: Git, settings: Settings) -> tuple[tuple[Stage, ...], Branch]:
    """What is committed, by the repository as it was at the start, and the branch on which it is."""
    staging = Staging(plan, settings.render, settings.proves, settings.force)
    branch = Branch(git, settings.branch, settings.start, plan.signature.digest, staging.write, settings.remote)
    with git.working_tree(settings.start) as tree:
        return staging.stages(tree / git.prefix), branch


def _place(  # noqa: PLR0917 - what it is made of
    git: Git, branch: Branch, stages: tuple[Stage, ...], cluster: Place | None, settings: Settings, again: str
) -> Place:
    guard = Guard()
    looked_at: World | None = cluster.world if cluster else None
    world = GitOpsWorld(branch, stages, looked_at, tuple(map(applier, settings.appliers)), guard)
    followed = f", which {cluster.named} follows" if cluster else ""
    return Place(
        world, _records(git), guard, cluster.cluster if cluster else "", f"{branch.name}{followed}",
        cluster.read if cluster else None, again=again,
    )  # fmt: skip


def _records(git: Git) -> FileRecords:
    return FileRecords(git.own / _RUNS, now)
