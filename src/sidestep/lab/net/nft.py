"""nftables through its own library: each text that is run is one transaction, all of it or nothing.

The library is not safe to use from two threads at a time (lab.md §2); the lab makes all its namespaces on one.
"""

import ctypes
import os
from collections import deque
from functools import cache
from typing import Self

from sidestep.errors import UsageError
from sidestep.lab.net.namespaces import FIRST_HIGH, Namespace, descriptors, inside

_MOST_RESTING = 64
_LIBRARY = "libnftables.so.1"
_INSTALL = "install nftables (Debian, Ubuntu: `apt-get install libnftables1`)"


class Resting:
    """Lines that are used no more, and closed a little later.

    To close one at once, when it has just deleted something, takes the kernel 13 ms: it waits until nobody can look at
    what was deleted. A few dozen uses later it need not wait any more.
    """

    def __init__(self) -> None:
        self._lines: deque[Nft] = deque()

    def put(self, line: "Nft") -> None:
        """Close a line later, and one of those before it now."""
        self._lines.append(line)
        if len(self._lines) > _MOST_RESTING:
            self._lines.popleft().close()

    def end(self, namespace: Namespace) -> None:
        """Close those to a namespace, which is to go."""
        for line in [each for each in self._lines if each.namespace is namespace]:
            self._lines.remove(line)
            line.close()


class Nft:
    """A line to the tables of one namespace; it may be used from any other.

    Args:
        namespace: whose tables.
    """

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self._library = library()
        _expect_low_number()
        with inside(namespace):
            self._context = ctypes.c_void_p(self._library.nft_ctx_new(0))
        self._library.nft_ctx_buffer_error(self._context)
        self._library.nft_ctx_buffer_output(self._context)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Speak no more."""
        self._library.nft_ctx_free(self._context)

    def run(self, commands: str) -> str:
        """Run commands as one transaction.

        Raises:
            UsageError: the kernel or the library refuses; nothing was changed.
        """
        if self._library.nft_run_cmd_from_buffer(self._context, commands.encode()):
            raise _refused(self._library.nft_ctx_get_error_buffer(self._context).decode(errors="replace"))
        output: bytes = self._library.nft_ctx_get_output_buffer(self._context)
        return output.decode()


def _expect_low_number() -> None:
    """The library ends the process if it gets no descriptor, or one too high for `select`, by which it waits."""
    with descriptors():
        next_one = os.open(os.devnull, os.O_RDONLY)
    os.close(next_one)
    if next_one >= FIRST_HIGH:
        raise UsageError(
            f"{next_one} files are open in one process, and nftables' library can use only the first {FIRST_HIGH}",
            remedy="bring up fewer nodes",
        )


@cache
def library() -> ctypes.CDLL:
    """The library.

    Raises:
        UsageError: it is not installed.
    """
    try:
        found = ctypes.CDLL(_LIBRARY)
    except OSError as error:
        raise UsageError(f"the lab needs nftables, and {_LIBRARY} is not here: {error}", remedy=_INSTALL) from error
    found.nft_ctx_new.restype = ctypes.c_void_p
    found.nft_ctx_new.argtypes = [ctypes.c_uint32]
    for name in ("nft_ctx_free", "nft_ctx_buffer_error", "nft_ctx_buffer_output"):
        getattr(found, name).argtypes = [ctypes.c_void_p]
    for name in ("nft_ctx_get_error_buffer", "nft_ctx_get_output_buffer"):
        getattr(found, name).argtypes = [ctypes.c_void_p]
        getattr(found, name).restype = ctypes.c_char_p
    found.nft_run_cmd_from_buffer.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    return found


def _refused(told: str) -> UsageError:
    said = next((line for line in told.splitlines() if line.strip()), "no reason given")
    return UsageError(
        f"the kernel's nftables refuses: {said}",
        remedy="a kernel with nf_tables, NAT and connection tracking is needed; start through `sidestep lab`",
    )
