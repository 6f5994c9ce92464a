"""The stages of a plan as commits of a branch: made in a working tree of our own, found again by their trailers."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from sidestep.actions.worlds.interface import ConflictError
from sidestep.cli.migrate.git import Git
from sidestep.errors import SidestepError, WorldError

PLAN, STAGE, REVERTS = "Sidestep-Plan", "Sidestep-Stage", "Sidestep-Reverts"
_FIELDS = "%x1f".join(f"%(trailers:key={key},valueonly,separator=%x20)" for key in (PLAN, STAGE, REVERTS))
_FORMAT = f"--format=%H%x1f{_FIELDS}%x1e"
_NONE = "0" * 40
Stager = Callable[[Path, str], str]
"""Writes a stage into the files of a folder; the message for its commit."""


class Ours(Struct, frozen=True):
    """A commit of ours.

    Attributes:
        commit: its name.
        stage: that it makes, or takes back.
        reverts: the commit that it takes back; empty for one that makes a stage.
    """

    commit: str
    stage: str
    reverts: str = ""


class Branch:
    """A branch of a repository.

    Args:
        git: the repository.
        branch: its name; made at the first commit.
        start: the commit at which it begins.
        digest: of the plan.
        stager: writes stages.
        remote: to which commits are pushed; empty for nowhere.
    """

    def __init__(  # noqa: PLR0917 - what a branch of ours is made of
        self, git: Git, branch: str, start: str, digest: str, stager: Stager, remote: str = ""
    ) -> None:
        self._git, self._branch, self._start = git, branch, start
        self._digest, self._stager, self._remote = digest, stager, remote

    @property
    def name(self) -> str:
        """The folder and the branch."""
        return f"branch {self._branch} of {self._git.top}"

    @property
    def tip(self) -> str:
        """Its newest commit."""
        return self._git.commit_of(f"refs/heads/{self._branch}") or self._start

    def under(self, name: str) -> "Branch":
        """The same under another name, from the same start."""
        return Branch(self._git, name, self._start, self._digest, self._stager)

    def standing(self, stage: str) -> str:
        """By trailers: what was made and not reverted."""
        ours = [each for each in self._ours() if each.stage == stage]
        reverted = {each.reverts for each in ours if each.reverts}
        made = [each.commit for each in ours if not each.reverts and each.commit not in reverted]
        return made[-1] if made else ""

    def last(self, stage: str) -> str:
        """By trailers."""
        return next((each.commit for each in reversed(self._ours()) if each.stage == stage), "")

    def publish(self) -> None:
        """To the remote, where one was named."""
        tip = self._git.commit_of(f"refs/heads/{self._branch}")
        if self._remote and tip and self._git.commit_of(f"refs/remotes/{self._remote}/{self._branch}") != tip:
            self._git.push(self._remote, self._branch)

    def make(self, stage: str) -> None:
        """In a working tree of our own."""
        tip = self.tip
        with self._git.working_tree(tip) as tree:
            try:
                message = self._stager(tree / self._git.prefix, stage)
            except SidestepError as error:
                raise _shortened(error, tree) from error
            self._commit(tree, tip, f"{message}\n\n{STAGE}: {stage}\n{PLAN}: {self._digest}\n")

    def revert(self, stage: str) -> None:
        """By git's own revert, as a commit of ours."""
        tip, commit = self.tip, self.standing(stage)
        subject = self._git.ask("show", "--no-patch", "--format=%s", commit).strip()
        with self._git.working_tree(tip) as tree:
            try:
                self._git.ask("revert", "--no-commit", commit, within=tree)
            except WorldError as error:
                remedy = "revert it yourself, in what was committed since, and resume"
                raise ConflictError(f"others have changed the same lines since: {error.message}", where=commit,
                                    remedy=remedy) from error  # fmt: skip
            trailers = f"{STAGE}: {stage}\n{REVERTS}: {commit}\n{PLAN}: {self._digest}\n"
            self._commit(tree, tip, f"Take back: {subject}\n\nThis reverts commit {commit}.\n\n{trailers}")

    def contains(self, commit: str, other: str) -> bool | None:
        """By ancestry, as far as this repository knows."""
        return {0: True, 1: False}.get(self._git.tells("merge-base", "--is-ancestor", other, commit))

    def series(self, folder: Path) -> tuple[str, ...]:
        """All commits since the start as files for `git am`; their names."""
        told = self._git.ask("format-patch", "-o", str(folder.resolve()), f"{self._start}..{self.tip}")
        return tuple(Path(line).name for line in told.splitlines())

    def diff(self) -> str:
        """The same as text."""
        return self._git.ask("format-patch", "--stdout", f"{self._start}..{self.tip}")

    def forget(self) -> None:
        """Take the branch away; its commits go when git tidies up."""
        self._git.ask("update-ref", "-d", f"refs/heads/{self._branch}")

    def _commit(self, tree: Path, tip: str, message: str) -> None:
        self._git.ask("add", "--all", ".", within=tree)
        self._git.ask("commit", "--quiet", "--allow-empty", "--file=-", feed=message, within=tree, hooks=True)
        made = self._git.ask("rev-parse", "HEAD", within=tree).strip()
        old = self._git.commit_of(f"refs/heads/{self._branch}") or _NONE
        if old not in {tip, _NONE} or self._git.tells("update-ref", f"refs/heads/{self._branch}", made, old):
            raise ConflictError("somebody else has committed meanwhile", where=self.name)

    def _ours(self) -> list[Ours]:
        """Commits of this plan, the oldest first."""
        told = self._git.ask("log", "--reverse", f"--grep={PLAN}: {self._digest}", _FORMAT, self.tip)
        rows = (row.strip("\n").split("\x1f") for row in told.split("\x1e") if row.strip())
        return [Ours(commit, stage, reverts) for commit, plan, stage, reverts in rows if plan == self._digest]


def _shortened(error: SidestepError, tree: Path) -> SidestepError:
    """Named as in the repository, whose own paths people know."""
    message, where, remedy = (text.replace(f"{tree}/", "") for text in (error.message, error.where, error.remedy))
    return type(error)(message, where=where, remedy=remedy)
