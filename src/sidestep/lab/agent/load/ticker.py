"""Wake up at a moment, to microseconds.

epoll, and so asyncio, waits whole milliseconds (lab.md §8: half a millisecond of error at the median). A timer that is
a file has nanoseconds; Python knows it from 3.13 on, so it is called in the C library.
"""

import asyncio
import ctypes
import os
from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar

_LIBC = ctypes.CDLL(None, use_errno=True)
_MONOTONIC, _ABSOLUTE = 1, 1
_PR_SET_TIMERSLACK = 29


class _Time(ctypes.Structure):
    _fields_: ClassVar = [("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long)]


class _Setting(ctypes.Structure):
    _fields_: ClassVar = [("interval", _Time), ("value", _Time)]


class Ticker:
    """Calls at set moments.

    Args:
        due: what is called; it sets the next moment if there is one.
    """

    def __init__(self, due: Callable[[], None]) -> None:
        self._due = due
        self._loop = asyncio.get_running_loop()
        self._file = _LIBC.timerfd_create(_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._file < 0:
            number = ctypes.get_errno()
            raise OSError(number, f"cannot make a timer: {os.strerror(number)}")
        _LIBC.prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
        self._loop.add_reader(self._file, self._expired)

    def at(self, moment: float) -> None:
        """Call at a moment of the monotonic clock, in seconds; at once when it is past."""
        whole, part = divmod(max(int(moment * 1e9), 1), 1_000_000_000)
        setting = _Setting(_Time(0, 0), _Time(whole, part))
        _LIBC.timerfd_settime(self._file, _ABSOLUTE, ctypes.byref(setting), None)

    def close(self) -> None:
        """Call no more."""
        self._loop.remove_reader(self._file)
        os.close(self._file)

    def _expired(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._file, 8)
        self._due()
