"""What somebody else wishes of a run: another terminal, or another machine."""

from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Wish(StrEnum):
    """What is asked of a run."""

    GO_ON = "go-on"
    PAUSE = "pause"
    ABORT = "abort"


class Control(Protocol):
    """Where wishes are heard."""

    def wish(self) -> Wish:
        """The newest."""


class Unattended:
    """Nobody wishes anything."""

    def wish(self) -> Wish:
        """To go on."""
        return Wish.GO_ON


class FileControl:
    """A file in the run's folder, with one word.

    Args:
        path: of it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def wish(self) -> Wish:
        """The word; going on where there is none, or one that we do not know."""
        try:
            return Wish(self._path.read_text(encoding="utf-8").strip())
        except (OSError, ValueError):
            return Wish.GO_ON

    def ask(self, wish: Wish) -> None:
        """Leave a wish."""
        self._path.write_text(wish.value, encoding="utf-8")
