"""What holds a lab to whoever brings it up: a pipe. When that process dies, by whatever signal, the lab ends.

A lab that is to stay without its founder is let go of, by a word through the pipe.
"""

import asyncio
import os
import stat
import sys
from collections.abc import Callable
from contextlib import suppress

_STAY = b"stay\n"


class Leash:
    """The founder's end.

    Attributes:
        far: what the lab's first process gets as its stdin.
    """

    def __init__(self) -> None:
        self.far, self._near = os.pipe()

    def handed(self) -> None:
        """The lab has its end: ours of that is not needed any more."""
        if self.far >= 0:
            os.close(self.far)
            self.far = -1

    def let_go(self) -> None:
        """The lab stays, whatever becomes of us."""
        if self._near >= 0:
            with suppress(BrokenPipeError):
                os.write(self._near, _STAY)
        self.cut()

    def cut(self) -> None:
        """The lab ends, unless it was let go of."""
        self.handed()
        if self._near >= 0:
            os.close(self._near)
            self._near = -1


def follow(cut: Callable[[], None]) -> None:
    """Have it told, in the lab's first process, that the leash was cut; one that is started by hand has none."""
    stdin = sys.stdin.fileno()
    if not stat.S_ISFIFO(os.fstat(stdin).st_mode):
        return
    loop = asyncio.get_running_loop()

    def heard() -> None:
        loop.remove_reader(stdin)
        if os.read(stdin, len(_STAY)) != _STAY:
            cut()

    loop.add_reader(stdin, heard)
