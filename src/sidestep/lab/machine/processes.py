"""The lab's other processes: started where they belong, started again when they end, and counted."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from subprocess import DEVNULL
from typing import Protocol

from msgspec import Struct
from msgspec.structs import replace

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class Process(Protocol):
    """One that runs, or has ended."""

    @property
    def pid(self) -> int:
        """Its number."""

    @property
    def returncode(self) -> int | None:
        """Its exit code; None as long as it runs."""

    async def wait(self) -> int:
        """Wait for its end; the exit code."""

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""


class Program(Struct, frozen=True):
    """What to run.

    Attributes:
        name: by which verbs know it, e.g. `envoy/node-1`.
        argv: program and arguments; no shell sees them.
        log: file that it writes to.
        enter: called in the new process before the program, to enter its namespaces.
        environment: besides the lab's own.
        again: whether it is started again, by the exit code with which it ended unasked.
        folder: in which it runs; None for the lab's own.
        forked: by which a process comes to be that runs it already; None to execute the program.
    """

    name: str
    argv: tuple[str, ...]
    log: Path
    enter: Callable[[], None] | None = None
    environment: dict[str, str] = {}
    again: Callable[[int], bool] = lambda _code: True
    folder: Path | None = None
    forked: Callable[[], Awaitable[Process]] | None = None


class Usage(Struct, frozen=True):
    """What a process has used.

    Attributes:
        name: of the program.
        pid: of the process.
        cpu: seconds since it started.
        waited: seconds for which its threads could have run and others did, all together.
        memory: proportional set size in bytes: shared pages are divided among those who share them.
        restarts: how often it was started again.
    """

    name: str
    pid: int
    cpu: float
    waited: float
    memory: int
    restarts: int


class _Running:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: Process | None = None
        self.task: asyncio.Task[None] | None = None
        self.restarts = 0
        self.ending = False


class Processes:
    """Keeps programs running.

    Args:
        ended: told the name and exit code of a program that ended unasked, and whether it is started again.
        failed: told the name of a program that cannot be started again for now, and why.
    """

    def __init__(self, ended: Callable[[str, int, bool], None], failed: Callable[[str, str], None]) -> None:
        self._ended, self._failed = ended, failed
        self._running: dict[str, _Running] = {}

    def names(self) -> Sequence[str]:
        """Of all programs."""
        return sorted(self._running)

    async def start(self, program: Program) -> int:
        """Run a program; its process number."""
        running = self._running[program.name] = _Running(program)
        pid = await self._launch(running)
        running.task = asyncio.create_task(self._watch(running))
        return pid

    async def stop(self, name: str, grace: float = 2.0) -> None:
        """End a program, gently first."""
        running = self._running.pop(name, None)
        if running is None or running.process is None:
            return
        running.ending = True
        _signal_group(running.process.pid, signal.SIGTERM)
        try:
            await asyncio.wait_for(running.process.wait(), grace)
        except TimeoutError:
            _signal_group(running.process.pid, signal.SIGKILL)
        if running.task is not None:
            await running.task

    def rename(self, name: str, other: str) -> None:
        """Know a program by another name from now on."""
        running = self._running.pop(name)
        running.program = replace(running.program, name=other)
        self._running[other] = running

    def signal(self, name: str, number: signal.Signals) -> bool:
        """Send a signal to a program; whether it runs."""
        running = self._running.get(name)
        if running is None or running.process is None or running.process.returncode is not None:
            return False
        running.process.send_signal(number)
        return True

    def memory(self, name: str) -> int:
        """What a program takes now, in bytes; 0 where it does not run."""
        running = self._running.get(name)
        found = _usage(running) if running is not None else None
        return found.memory if found is not None else 0

    def usage(self) -> list[Usage]:
        """What each running program has used until now."""
        return [found for each in self._running.values() if (found := _usage(each)) is not None]

    async def _launch(self, running: _Running) -> int:
        program = running.program
        running.process = await (_executed(program) if program.forked is None else program.forked())
        return running.process.pid

    async def _watch(self, running: _Running) -> None:
        pause = _FIRST_PAUSE
        while running.process is not None:
            started = time.monotonic()
            code = await running.process.wait()
            _signal_group(running.process.pid, signal.SIGKILL)
            if running.ending:
                return
            again = running.program.again(code)
            self._ended(running.program.name, code, again)
            if not again:
                self._running.pop(running.program.name, None)
                return
            pause = _FIRST_PAUSE if time.monotonic() - started > _LONGEST_PAUSE else min(pause * 2, _LONGEST_PAUSE)
            await asyncio.sleep(pause)
            if running.ending:
                return
            running.restarts += 1
            try:
                await self._launch(running)
            except OSError as error:
                self._failed(running.program.name, error.strerror or str(error))


async def _executed(program: Program) -> Process:
    with program.log.open("ab") as log:
        return await asyncio.create_subprocess_exec(
            *program.argv,
            stdin=DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **program.environment},
            preexec_fn=program.enter,
            cwd=program.folder,
            process_group=0,
        )


def _signal_group(leader: int, number: signal.Signals) -> None:
    """A program and all that it started and that stayed with it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)


def _usage(running: _Running) -> Usage | None:
    process = running.process
    if process is None or process.returncode is not None:
        return None
    try:
        spent = _cpu(process.pid), _waited(process.pid), _memory(process.pid)
        return Usage(running.program.name, process.pid, *spent, running.restarts)
    except OSError:
        return None


def _cpu(pid: int) -> float:
    """By the process's own clock, which counts nanoseconds where `/proc` counts hundredths (lab.md §6)."""
    return time.clock_gettime((~pid << 3) | 2)


def _waited(pid: int) -> float:
    """As the scheduler counts; nothing where a kernel does not."""
    told = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            told += int((thread / "schedstat").read_text(encoding="ascii").split()[1])
    return told / 1e9


def _memory(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
