"""The command, whose process is killed at a line of its journal: nothing is closed, given back or said."""

import signal
import subprocess
import sys

from tests.support.commands import environment

_SCRIPT = """
import os, signal, sys
from sidestep.actions.runs.in_cluster.journal import ClusterJournal
from sidestep.actions.runs.journal import FileJournal
from sidestep.cli.main import run

line, after, left = int(sys.argv[1]), sys.argv[2] == "after", int(sys.argv[1])

def killed(kept):
    def append(self, *events):
        global left
        for event in events:
            if left == 0 and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            kept(self, event)
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
    return append

FileJournal.append, ClusterJournal.append = killed(FileJournal.append), killed(ClusterJournal.append)
sys.exit(run(["sidestep", *sys.argv[3:]]))
"""


def killed_at(line: int, *arguments: str, after: bool) -> None:
    """Run until a line is written, or is about to be."""
    command = [sys.executable, "-c", _SCRIPT, str(line), "after" if after else "before", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=240, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
