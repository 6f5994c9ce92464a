"""Ask git whether a folder has changes that nobody committed."""

import os
import subprocess
from pathlib import Path

from sidestep.errors import WorldError

_PATIENCE = 30.0
_SHOWN = 5
_NO_PROGRAMS = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
"""A repository's own configuration may name programs that `git status` would run."""


def check_committed(folder: Path, otherwise: str = "; or say --force") -> None:
    """Hold a folder to having no uncommitted changes of tracked files; without git or a repository it has none.

    Args:
        folder: which.
        otherwise: what else may be done than to commit them, for the error; empty for nothing.

    Raises:
        WorldError: it has some, or git cannot tell.
    """
    command = ["git", *_NO_PROGRAMS, "-C", os.fspath(folder), "status", "--porcelain=v1", "-z", "--untracked-files=no"]
    environment = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(  # noqa: S603 - an argument list, no shell
            [*command, "--", "."], capture_output=True, timeout=_PATIENCE, check=False, env=environment
        )
    except FileNotFoundError:
        return
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _untold(folder, str(error), otherwise) from error
    said = done.stderr.decode(errors="replace").strip()
    if done.returncode and "not a git repository" in said:
        return
    if done.returncode:
        raise _untold(folder, said, otherwise)
    changed = [entry.decode(errors="replace")[3:] for entry in done.stdout.split(b"\0") if entry[3:]]
    if changed:
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        told = ", ".join(changed[:_SHOWN]) + more
        raise WorldError(
            f"changes that are not committed: {told}",
            where=os.fspath(folder),
            remedy="commit or stash them, so that what is written here can be told apart" + otherwise,
        )


def _untold(folder: Path, said: str, otherwise: str) -> WorldError:
    first = said.splitlines()[0] if said else "it failed"
    return WorldError(
        f"git cannot tell whether everything is committed: {first}",
        where=os.fspath(folder),
        remedy="make `git status` work there" + otherwise,
    )
