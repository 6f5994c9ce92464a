"""Run the installed commands as a user does."""

import os
import pty
import subprocess
import sys
from pathlib import Path

PROGRAMS = Path(sys.executable).parent
_PATIENCE = 240
"""Seconds; a machine on which everything runs at once is slow."""
LABELLED = """\
apiVersion: v1
kind: Namespace
metadata:
  name: portal
  labels: {sidecar.istio.io/inject: "true"}
"""


def environment(**changes: str) -> dict[str, str]:
    """Ours, without what would change the output."""
    kept = {
        name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "COLUMNS", "KUBECONFIG", "TERM"}
    }
    return {**kept, "HOME": "/nonexistent", **changes}


def sidestep(
    *arguments: str | Path, program: str = "sidestep", feed: str = "", **changes: str
) -> subprocess.CompletedProcess:
    """Run to the end; `feed` goes to stdin, `changes` to the environment."""
    command = [PROGRAMS / program, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, input=feed, env=environment(**changes), timeout=_PATIENCE, check=False
    )


def on_terminal(*arguments: str | Path, **changes: str) -> tuple[int, str]:
    """Run on a terminal of 80 columns; exit code and what it showed, stdout and stderr together."""
    master, slave = pty.openpty()
    settings = environment(TERM="xterm-256color", COLUMNS="80", **changes)
    with subprocess.Popen(
        [PROGRAMS / "sidestep", *arguments], stdin=slave, stdout=slave, stderr=slave, env=settings
    ) as process:
        os.close(slave)
        shown = b"".join(iter(lambda: _read(master), b""))
        code = process.wait(_PATIENCE)
    os.close(master)
    return code, shown.decode()


def _read(terminal: int) -> bytes:
    """What came, or nothing once the other side hung up."""
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""
