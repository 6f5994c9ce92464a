"""git, asked by its own program: a repository of the user's, never a working tree of his."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sidestep.errors import TransportError, UsageError, WorldError

_PATIENCE = 120.0
_OWN = "sidestep"
_QUIET = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false")
"""A repository's own configuration may name programs that reading would run."""


class Git:
    """One repository.

    Args:
        folder: in it.

    Raises:
        UsageError: it is in none.
        WorldError: there is no git.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not folder.is_dir():
            raise UsageError("no such folder", where=f"--gitops {folder}", remedy="name the repository's folder")
        try:
            self.top = Path(self.ask("rev-parse", "--show-toplevel").strip())
        except WorldError as error:
            raise UsageError(error.message, where=f"--gitops {folder}", remedy="name a git repository") from error
        self.prefix = self.ask("rev-parse", "--show-prefix").strip().rstrip("/")
        common = Path(self.ask("rev-parse", "--git-common-dir").strip())
        self.own = (common if common.is_absolute() else folder / common).resolve() / _OWN

    def ask(self, *arguments: str, feed: str = "", within: Path | None = None, hooks: bool = False) -> str:
        """What git answers.

        Args:
            arguments: of git.
            feed: for its stdin.
            within: the folder in which it runs.
            hooks: of the repository run, as when its owner commits.

        Raises:
            WorldError: it refuses.
        """
        done = self._run(arguments, feed, within, hooks=hooks)
        if done.returncode:
            said = next(iter(done.stderr.strip().splitlines()), "it failed")
            raise WorldError(f"git {arguments[0]}: {said}", where=str(self.folder), remedy="mend what git says")
        return done.stdout

    def tells(self, *arguments: str) -> int:
        """Git's exit code."""
        return self._run(arguments, "", None, hooks=False).returncode

    def commit_of(self, name: str) -> str:
        """The commit that a name means; empty for none."""
        if self.tells("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"):
            return ""
        return self.ask("rev-parse", "--verify", f"{name}^{{commit}}").strip()

    def push(self, remote: str, branch: str) -> None:
        """Send a branch, never over anybody's commits.

        Raises:
            TransportError: it is refused or cannot be reached.
        """
        done = self._run(("push", "--quiet", remote, f"refs/heads/{branch}"), "", None, hooks=True)
        if done.returncode:
            said = next(iter(done.stderr.strip().splitlines()), "it failed")
            raise TransportError(f"the branch cannot be pushed: {said}", where=f"{remote} {branch}")

    @contextmanager
    def working_tree(self, commit: str) -> Iterator[Path]:
        """A working tree of our own, of one commit, gone with the block; what a killed run left goes too."""
        tree = self.own / "tree"
        tree.parent.mkdir(parents=True, exist_ok=True)
        self._discard(tree)
        self.ask("worktree", "add", "--quiet", "--force", "--detach", str(tree), commit)
        try:
            yield tree
        finally:
            self._discard(tree)

    def _discard(self, tree: Path) -> None:
        if tree.exists():
            self._run(("worktree", "remove", "--force", "--force", str(tree)), "", None, hooks=False)
        self._run(("worktree", "prune"), "", None, hooks=False)

    def _run(
        self, arguments: tuple[str, ...], feed: str, within: Path | None, *, hooks: bool
    ) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
        command = ["git", *(() if hooks else _QUIET), "-C", os.fspath(within or self.folder), *arguments]
        try:
            return subprocess.run(  # noqa: S603 - an argument list, no shell
                command, input=feed, capture_output=True, text=True, errors="replace", timeout=_PATIENCE, check=False,
                env=environment,
            )  # fmt: skip
        except FileNotFoundError as error:
            raise WorldError("there is no git on this machine", where="git", remedy="install it") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise WorldError(str(error), where=f"git {arguments[0]}") from error
