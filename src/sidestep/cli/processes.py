"""Pure work shared between processes: copies of this one, which hold all that was read, and ask their part each.

Pieces are dealt out like cards, so that everybody comes to the last ones at about the same time. Answers come back in
the order of the pieces, whoever found them. The copies end with this process, however that ends.
"""

import ctypes
import os
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Generic, NoReturn, TypeVar

import msgspec

from sidestep.errors import WorldError

AnswerT = TypeVar("AnswerT")
Ask = Callable[[str], AnswerT]
_PIECES_EACH = 4
"""Fewer for each process are not worth a copy."""
_LENGTH = 8
_CHUNK = 1 << 20
_PR_SET_PDEATHSIG = 1


class CopyError(Exception):
    """A copy had a fault of its own; its traceback is a note."""


def cores() -> int:
    """How many processes can work at a time."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def shared(processes: int, ask: Ask[AnswerT], pieces: Sequence[str], kind: type[AnswerT]) -> Iterator[AnswerT]:
    """What `map(ask, pieces)` gives, found by several processes where that is worth it and they can be copied.

    Args:
        processes: most of them, this one included.
        ask: pure; what it learns is lost to the others.
        pieces: of the work.
        kind: of answers.

    Raises:
        WorldError: the system ended a copy.
        CopyError: a copy had a fault.
    """
    many = min(processes, len(pieces) // _PIECES_EACH) if can_copy() else 1
    if many < 2:
        yield from map(ask, pieces)
        return
    copies: list[_Copy[AnswerT]] = []
    try:
        for number in range(1, many):  # one after the other, so that those are ended that were made
            copies.append(_Copy(ask, pieces[number::many], kind))  # noqa: PERF401
        own = []
        for piece in pieces[::many]:
            own.append(ask(piece))
            for each in copies:
                each.listen()
        for number in range(len(pieces)):
            yield own[number // many] if number % many == 0 else copies[number % many - 1].answer()
    finally:
        for each in copies:
            each.end()


def beside(processes: int, walk: Callable[[int], Iterable[AnswerT]], kind: type[AnswerT]) -> Generator[list[AnswerT]]:
    """What several walks give, step by step: each of them in a copy of its own, which begins at once and goes ahead.

    Args:
        processes: how many there are beside this one; none where they cannot be copied.
        walk: the one of a number from 1; all of them have as many steps.
        kind: of answers.

    Raises:
        WorldError: the system ended a copy.
        CopyError: a copy had a fault.
    """
    copies: list[_Copy[AnswerT]] = []
    answers = _step_by_step(copies)
    next(answers)
    try:
        for number in range(1, processes + 1):  # one after the other, so that those are ended that were made
            copies.append(_Copy(lambda step: step, walk(number), kind))  # noqa: PERF401
    except BaseException:
        answers.close()
        raise
    return answers


def _step_by_step(copies: "Sequence[_Copy[AnswerT]]") -> Generator[list[AnswerT]]:
    """Nothing at first, and then what all of them say next; they end with it."""
    try:
        yield []
        while True:
            for each in copies:
                each.listen()
            yield [each.answer() for each in copies]
    finally:
        for each in copies:
            each.end()


def can_copy() -> bool:
    """Whether this process can be copied."""
    return sys.platform == "linux"


class _Copy(Generic[AnswerT]):
    """A copy of this process at work, and what it has said so far."""

    def __init__(self, ask: Callable[[Any], AnswerT], pieces: Iterable[Any], kind: type[AnswerT]) -> None:
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._heard = bytearray()
        ear, mouth = os.pipe()
        parent = os.getpid()
        self._pid = _forked()
        if not self._pid:
            os.close(ear)
            _work(ask, pieces, mouth, parent)
        os.close(mouth)
        self._ear = ear

    def listen(self) -> None:
        """Take what it says meanwhile, so that it need not wait until somebody asks."""
        os.set_blocking(self._ear, False)
        with suppress(BlockingIOError):
            while self._hear():
                pass
        os.set_blocking(self._ear, True)

    def answer(self) -> AnswerT:
        """Its next answer."""
        said = self._take(1 + _LENGTH)
        content = self._take(int.from_bytes(said[1:], "big"))
        if said[:1] == _FAULT:
            raise _failed(*msgspec.msgpack.decode(content, type=tuple[str, str]))
        return self._decoder.decode(content)

    def end(self) -> None:
        """Let it go, whatever it is at."""
        os.close(self._ear)
        if self._pid:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._ended()

    def _take(self, length: int) -> bytes:
        while len(self._heard) < length:
            if not self._hear():
                raise self._silent()
        taken = bytes(self._heard[:length])
        del self._heard[:length]
        return taken

    def _hear(self) -> bool:
        """Whether it said more."""
        said = os.read(self._ear, _CHUNK)
        self._heard += said
        return bool(said)

    def _silent(self) -> WorldError:
        """It ended before it had said all: nobody but the system does that."""
        pid, status = self._pid, self._ended()
        told = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit code {os.WEXITSTATUS(status)}"
        return WorldError(
            f"one of several processes was ended by somebody else ({told})",
            where=f"process {pid}",
            remedy="look whether memory ran out; --jobs 1 takes less",
        )

    def _ended(self) -> int:
        """How it ended."""
        pid, self._pid = self._pid, 0
        return os.waitpid(pid, 0)[1]


_ANSWER, _FAULT = b"a", b"f"


def _work(ask: Callable[[Any], Any], pieces: Iterable[Any], mouth: int, parent: int) -> NoReturn:
    """All of a copy's life; nothing of it is cleaned up, for everything is the parent's."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if os.getppid() == parent:
            for piece in pieces:
                _say(mouth, _ANSWER, msgspec.msgpack.encode(ask(piece)))
    except BaseException as error:  # noqa: BLE001 - the parent tells it
        with suppress(BaseException):
            told = f"{type(error).__name__}: {error}", traceback.format_exc()
            _say(mouth, _FAULT, msgspec.msgpack.encode(told))
    os._exit(0)


def _forked() -> int:
    """A copy; who draws the line of progress in a thread of this process is not copied, and holds nothing it needs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _failed(told: str, where: str) -> CopyError:
    failed = CopyError(told)
    failed.add_note(where)
    return failed


def _say(mouth: int, kind: bytes, content: bytes) -> None:
    said = memoryview(kind + len(content).to_bytes(_LENGTH, "big") + content)
    while said:
        said = said[os.write(mouth, said) :]
