"""What somebody else wishes of a run: another terminal, or another machine."""

from enum import StrEnum
from typing import Protocol

from sidestep.errors import SidestepError


class Wish(StrEnum):
    """What is asked of a run."""

    GO_ON = "go-on"
    PAUSE = "pause"
    """Begin nothing new, and wait for another wish."""
    LEAVE = "leave"
    """Begin nothing new, wait for nothing, and perform no more: who resumes the run goes on with it."""
    ABORT = "abort"
    """Take the wave back that is under way."""


class LeftError(SidestepError):
    """Whoever performs a run was asked to leave while a step waited: it is neither done nor failed."""


class Control(Protocol):
    """Where wishes are heard."""

    def wish(self) -> Wish:
        """The newest."""


class Unattended:
    """Nobody wishes anything."""

    def wish(self) -> Wish:
        """To go on."""
        return Wish.GO_ON
