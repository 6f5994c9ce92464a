"""The lab's command as a user runs it, root or not, and what it leaves behind."""

import os
import pwd
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.lab import ROOT, environment, python_of
from tests.support.labs import eventually

_RUN = "import sys; from sidestep.cli.main import run; sys.exit(run(sys.argv))"
MARK = "SIDESTEP_TEST_MARK"
_PATIENCE = 400
"""Seconds: what takes twenty on a machine that does nothing else took 120 beside fifty busy processes."""
_GOING = 15.0
"""Seconds in which what was ended goes, on a busy machine, too."""


class Shell:
    """Somebody who types commands of the lab, with a temporary folder of their own.

    Attributes:
        mark: in the environment of everything that is started from here.
        home: where labs keep their folders.
    """

    def __init__(self, user: str, home: Path) -> None:
        self.user, self.home, self.mark = user, home, uuid.uuid4().hex
        self._started: list[subprocess.Popen[str]] = []

    def start(
        self, *arguments: str | Path, prefix: Sequence[str] = (), verb: str = "lab", **changes: str
    ) -> "subprocess.Popen[str]":
        """A command that goes on."""
        ordinary = self.user == "ordinary" and os.geteuid() == 0
        drop = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "--"] if ordinary else []
        paths = [str(Path(sys.executable).parent), *os.environ["PATH"].split(os.pathsep)]
        told = environment(self.user) | {"TMPDIR": str(self.home), MARK: self.mark, "PATH": os.pathsep.join(paths)}
        told.pop("XDG_RUNTIME_DIR", None)
        process = subprocess.Popen(
            [*prefix, *drop, python_of(self.user), "-c", _RUN, verb, *map(str, arguments)],
            cwd=ROOT, env=told | changes, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, errors="replace",
        )  # fmt: skip
        self._started.append(process)
        return process

    def close(self) -> None:
        """Let go of what commands that are over wrote."""
        for each in self._started:
            with each:
                pass

    def run(self, *arguments: str | Path, **changes: str) -> "subprocess.CompletedProcess[str]":
        """A command to its end."""
        process = self.start(*arguments, **changes)
        out, err = process.communicate(timeout=_PATIENCE)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def says(self, *arguments: str | Path) -> str:
        """What a command that must succeed prints."""
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def left(self) -> list[str]:
        """What stays behind: processes that were started from here, and files; the last ones may be about to go."""
        eventually(lambda: not self._left(), _GOING)
        return self._left()

    def _left(self) -> list[str]:
        return [*self.processes(), *(str(each) for each in self.home.glob("sidestep-*/*"))]

    def processes(self) -> list[str]:
        """Processes that were started from here, by number."""
        mark = f"{MARK}={self.mark}".encode()
        found = []
        for each in Path("/proc").iterdir():
            try:
                if each.name.isdecimal() and mark in (each / "environ").read_bytes().split(b"\0"):
                    found.append(each.name)
            except OSError:
                continue
        return found

    def named(self, words: str) -> int:
        """The number of a process by what stands in its command line."""
        for each in self.processes():
            if words in command_line(int(each)):
                return int(each)
        raise AssertionError(f"no process {words!r} among {self.processes()}")


def command_line(process: int) -> str:
    """Of a process; empty for one that has ended meanwhile."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


@contextmanager
def shell(user: str = "") -> Iterator[Shell]:
    """A shell; whatever it started is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="lab-", dir="/tmp") as folder:
        if user == "ordinary" and os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        made = Shell(user, Path(folder))
        try:
            yield made
        finally:
            for each in made.processes():
                try:
                    os.kill(int(each), signal.SIGKILL)
                except ProcessLookupError:
                    continue
            made.close()
            assert eventually(lambda: not made.processes())
