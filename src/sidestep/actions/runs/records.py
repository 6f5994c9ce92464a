"""What is kept of runs, so that any terminal can look at them and any machine can go on with them.

A run's records are its journal, the plan that it carries out, and what somebody wishes of it. Only who holds the place
may perform: two migrators of one cluster exclude each other, whichever runs they are at.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec import Struct

from sidestep.actions.runs.control import Wish
from sidestep.actions.runs.journal import FileJournal, Journal
from sidestep.actions.runs.performing import Trying
from sidestep.errors import UsageError, WorldError

_JOURNAL, _PLAN, _WISH, _HOLDER = "journal.jsonl", "plan.json", "wish.json", "holder.json"


class Held(Struct, frozen=True):
    """Who performs.

    Attributes:
        run: which one.
        by: user, machine and process.
    """

    run: str
    by: str


class HeldError(WorldError):
    """Somebody else performs; nothing was done."""


class Records(Protocol):
    """Where records of runs are.

    Every method may raise `TransportError` where they cannot be reached.
    """

    @property
    def place(self) -> str:
        """Where they are, in words."""

    def runs(self) -> tuple[str, ...]:
        """Names of all runs, the oldest first: names begin with their time."""

    def begin(self, run: str, plan: bytes) -> None:
        """Make room for a run, and keep the document of its plan with it.

        Raises:
            UsageError: there is one of that name.
        """

    def plan(self, run: str) -> bytes:
        """The document of the plan of a run.

        Raises:
            UsageError: there is no such run.
            WorldError: it is not whole any more.
        """

    def journal(self, run: str, trying: Trying | None = None) -> Journal:
        """Of a run.

        Args:
            run: its name.
            trying: does something until the place can be asked, for a time; None for as long as it likes.

        Raises:
            UsageError: there is no such run.
        """

    def wish(self, run: str) -> Wish:
        """The newest wish about a run; to go on where there is none."""

    def ask(self, run: str, wish: Wish) -> None:
        """Leave a wish for whoever performs a run."""

    def holder(self) -> Held | None:
        """Who performs now; None where nobody does."""

    def hold(self, run: str, by: str) -> AbstractContextManager[Callable[[], object]]:
        """Be the one who performs, for as long as the block lasts.

        Returns:
            What raises `HeldError` once somebody else has taken over: it is asked before every write.

        Raises:
            HeldError: somebody else performs.
        """


class FileRecords:
    """In a folder: one folder for each run.

    Args:
        folder: made when the first run begins.
        now: the time, RFC 3339.
    """

    def __init__(self, folder: Path, now: Callable[[], str]) -> None:
        self._folder, self._now = folder, now

    @property
    def place(self) -> str:
        """The folder."""
        return str(self._folder)

    def runs(self) -> tuple[str, ...]:
        """Folders that hold a plan."""
        found = self._folder.iterdir() if self._folder.is_dir() else ()
        return tuple(sorted(each.name for each in found if (each / _PLAN).is_file()))

    def begin(self, run: str, plan: bytes) -> None:
        """A folder with the plan in it."""
        try:
            (self._folder / run).mkdir(parents=True)
            self._write(self._folder / run / _PLAN, plan)
        except FileExistsError as error:
            raise UsageError(f"there is a run {run} already", where=self.place, remedy="begin it again") from error
        except OSError as error:
            raise WorldError(error.strerror or str(error), where=str(self._folder), remedy="make room there") from error

    def plan(self, run: str) -> bytes:
        """Of its file."""
        return (self._of(run) / _PLAN).read_bytes()

    def journal(self, run: str, _trying: Trying | None = None) -> Journal:
        """A file of lines."""
        return FileJournal(self._of(run) / _JOURNAL, self._now)

    def wish(self, run: str) -> Wish:
        """Of its file."""
        try:
            return msgspec.json.decode((self._of(run) / _WISH).read_bytes(), type=Wish)
        except (OSError, msgspec.MsgspecError):
            return Wish.GO_ON

    def ask(self, run: str, wish: Wish) -> None:
        """Into its file."""
        self._write(self._of(run) / _WISH, msgspec.json.encode(wish))

    def holder(self) -> Held | None:
        """Who has the lock, which the system takes away with the process."""
        try:
            with (self._folder / _HOLDER).open("rb") as stream:
                if _locked(stream.fileno(), fcntl.LOCK_SH):
                    return None
                return msgspec.json.decode(stream.read(), type=Held)
        except FileNotFoundError:
            return None
        except msgspec.MsgspecError:
            return Held("", "somebody")

    @contextmanager
    def hold(self, run: str, by: str) -> Iterator[Callable[[], object]]:
        """By a lock on a file, which nobody can take over while the process lives."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / _HOLDER).open("a+b") as stream:
            while not _locked(stream.fileno(), fcntl.LOCK_EX):
                held = self.holder()
                if held is not None:  # else somebody only looked whether it is free
                    raise held_by(held, self.place)
            stream.truncate(0)
            stream.write(msgspec.json.encode(Held(run, by)))
            stream.flush()
            yield lambda: None

    def _of(self, run: str) -> Path:
        if run not in self.runs():
            raise no_run(run, self)
        return self._folder / run

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        """Whole or not at all."""
        scratch = path.with_name(f".{path.name}.new")
        with scratch.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        scratch.replace(path)


def held_by(held: Held, place: str) -> HeldError:
    """Why nothing is done."""
    what = f"run {held.run}" if held.run else "a run"
    remedy = "watch it with `sidestep migrate status`; pause or abort it first, to do something else"
    return HeldError(f"{held.by} performs {what} now; nothing was done", where=place, remedy=remedy)


def no_run(run: str, records: Records) -> UsageError:
    """Why there is nothing to say of a run."""
    known = ", ".join(records.runs()[-5:]) or "none"
    return UsageError(f"there is no run {run}", where=records.place, remedy=f"name one of these: {known}")


def _locked(descriptor: int, how: int) -> bool:
    """Take the lock, if nobody has it."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
