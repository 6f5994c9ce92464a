"""The end of a lab, from outside: its first process is asked, and killed when it does not hear."""

import os
import select
import signal
from contextlib import suppress
from typing import Self

from sidestep.errors import TransportError, WorldError
from sidestep.lab.api import messages as api
from sidestep.lab.api.client import Client
from sidestep.lab.machine.scratch import Scratch

_PATIENCE = 5.0


class FirstProcess:
    """The first process of a lab that is up, held so that its number cannot become another's.

    Args:
        handle: of the process; -1 when there is none.
    """

    def __init__(self, handle: int) -> None:
        self._handle = handle

    @classmethod
    def of(cls, scratch: Scratch) -> Self:
        """That which listens at a lab's socket."""
        try:
            return cls(os.pidfd_open(Client(scratch.socket, _PATIENCE).machine()))
        except (TransportError, ProcessLookupError):
            return cls(-1)

    def __bool__(self) -> bool:
        return self._handle >= 0

    def end(self, scratch: Scratch) -> None:
        """Ask it to end, and see to it: all others end with it."""
        if not self:
            return
        try:
            heard = self._asked(scratch)
            if not self._gone(_PATIENCE if heard else 0):
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._handle, signal.SIGKILL)
                self._gone(_PATIENCE)
        finally:
            os.close(self._handle)
            self._handle = -1

    @staticmethod
    def _asked(scratch: Scratch) -> bool:
        try:
            Client(scratch.socket, _PATIENCE).ask(api.Down())
        except (TransportError, WorldError):
            return False
        return True

    def _gone(self, seconds: float) -> bool:
        return bool(select.select([self._handle], [], [], seconds)[0])
