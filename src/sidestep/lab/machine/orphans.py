"""Processes whose parents are gone: the first process of a namespace inherits them, and must bury them."""

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

_MOMENT = 0.5
"""Seconds in which whoever started a process has noticed its end."""


async def bury() -> None:
    """Bury whom nobody waits for, until this is cancelled."""
    died = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, died.set)
    while True:
        await died.wait()
        died.clear()
        left = dead()
        await asyncio.sleep(_MOMENT)
        for each in left & dead():
            _bury(each)


def dead() -> frozenset[int]:
    """Children of this process that have ended and were not waited for."""
    return frozenset(child for child in _children() if _state(child) == "Z")


def end_all() -> None:
    """Kill every process of the namespace, and wait until they are gone; only its first process may."""
    if os.getpid() != 1:
        return
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _bury(child: int) -> None:
    with suppress(ChildProcessError):
        os.waitpid(child, os.WNOHANG)


def _children() -> set[int]:
    found: set[int] = set()
    for thread in Path("/proc/self/task").iterdir():
        with suppress(OSError):
            found.update(map(int, (thread / "children").read_text(encoding="ascii").split()))
    return found


def _state(child: int) -> str:
    try:
        return Path(f"/proc/{child}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return ""
