"""The lab's other processes: started where they belong, started again when they end, and counted."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import DEVNULL

from msgspec import Struct
from msgspec.structs import replace

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class Program(Struct, frozen=True):
    """What to run.

    Attributes:
        name: by which verbs know it, e.g. `envoy/node-1`.
        argv: program and arguments; no shell sees them.
        log: file that it writes to.
        enter: called in the new process before the program, to enter its namespaces.
        environment: besides the lab's own.
        keep: start it again when it ends.
        folder: in which it runs; None for the lab's own.
    """

    name: str
    argv: tuple[str, ...]
    log: Path
    enter: Callable[[], None] | None = None
    environment: dict[str, str] = {}
    keep: bool = True
    folder: Path | None = None


class Usage(Struct, frozen=True):
    """What a process has used.

    Attributes:
        name: of the program.
        pid: of the process.
        cpu: seconds since it started.
        memory: proportional set size in bytes: shared pages are divided among those who share them.
        restarts: how often it was started again.
    """

    name: str
    pid: int
    cpu: float
    memory: int
    restarts: int


class _Running:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.process: asyncio.subprocess.Process | None = None
        self.task: asyncio.Task[None] | None = None
        self.restarts = 0
        self.ending = False


class Processes:
    """Keeps programs running.

    Args:
        ended: told the name and exit code of a program that ended unasked.
        failed: told the name of a program that cannot be started again for now, and why.
    """

    def __init__(self, ended: Callable[[str, int], None], failed: Callable[[str, str], None]) -> None:
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

    def usage(self) -> list[Usage]:
        """What each running program has used until now."""
        return [found for each in self._running.values() if (found := _usage(each)) is not None]

    async def _launch(self, running: _Running) -> int:
        program = running.program
        with program.log.open("ab") as log:
            running.process = await asyncio.create_subprocess_exec(
                *program.argv,
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **program.environment},
                preexec_fn=program.enter,
                cwd=program.folder,
                process_group=0,
            )
        return running.process.pid

    async def _watch(self, running: _Running) -> None:
        pause = _FIRST_PAUSE
        while running.process is not None:
            started = time.monotonic()
            code = await running.process.wait()
            _signal_group(running.process.pid, signal.SIGKILL)
            if running.ending:
                return
            self._ended(running.program.name, code)
            if not running.program.keep:
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


def _signal_group(leader: int, number: signal.Signals) -> None:
    """A program and all that it started and that stayed with it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)


def _usage(running: _Running) -> Usage | None:
    process = running.process
    if process is None or process.returncode is not None:
        return None
    try:
        return Usage(running.program.name, process.pid, _cpu(process.pid), _memory(process.pid), running.restarts)
    except OSError:
        return None


def _cpu(pid: int) -> float:
    """By the process's own clock, which counts nanoseconds where `/proc` counts hundredths (lab.md §6)."""
    return time.clock_gettime((~pid << 3) | 2)


def _memory(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
