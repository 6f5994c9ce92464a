"""Agents that are forked by a process which has imported them: twenty cost what one does."""

import asyncio
import errno
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE

import msgspec

from sidestep.lab.agent.messages import Birth

_MODULE = "sidestep.lab.agent.nursery"
_UNKNOWN = -1


class Adopted:
    """A process that another one has started and left to this one.

    Args:
        pid: its number.

    Raises:
        OSError: it is gone already.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._handle = os.pidfd_open(pid)
        self._over: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().add_reader(self._handle, self._ended)

    async def wait(self) -> int:
        """Wait for its end; its exit code, or less than nothing for a signal's number."""
        return await asyncio.shield(self._over)

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        if self.returncode is None:
            signal.pidfd_send_signal(self._handle, number)

    def _ended(self) -> None:
        asyncio.get_running_loop().remove_reader(self._handle)
        self.returncode = _code(self._handle)
        os.close(self._handle)
        self._over.set_result(self.returncode)


class Nursery:
    """Has agents forked; its process is started when it is first needed, and again when it has ended.

    Args:
        log: file that the process writes to.
    """

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def prepare(self) -> None:
        """Have the imports begin."""
        async with self._turn:
            await self._there()

    async def bear(self, birth: Birth) -> Adopted:
        """An agent.

        Raises:
            OSError: it could not be forked.
        """
        async with self._turn:
            process = await self._there()
            assert process.stdin is not None and process.stdout is not None  # noqa: S101, PT018 - asked for below
            with suppress(ConnectionError):
                process.stdin.write(msgspec.json.encode(birth) + b"\n")
                await process.stdin.drain()
            told = await process.stdout.readline()
            if not told:
                await process.wait()
                raise OSError(errno.ECHILD, "the process that forks agents has ended", str(self._log))
            return Adopted(int(told))

    async def _there(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            with self._log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", _MODULE, stdin=PIPE, stdout=PIPE, stderr=log, process_group=0
                )
        return self._process


def _code(handle: int) -> int:
    try:
        found = os.waitid(os.P_PIDFD, handle, os.WEXITED)
    except ChildProcessError:
        return _UNKNOWN
    if found is None:
        return _UNKNOWN
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
