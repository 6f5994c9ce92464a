"""Network namespaces, held by descriptor: one vanishes when nobody holds it and no socket is left in it."""

import ctypes
import errno
import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, Self

from sidestep.errors import UsageError

FIRST_HIGH = 1024
"""Descriptors from here on are those of namespaces."""
_NEWNET = 0x40000000
_OWN = "/proc/thread-self/ns/net"
_libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A network namespace that we hold.

    Args:
        fd: its descriptor, which is ours from now on.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd

    @classmethod
    def current(cls) -> Self:
        """The one in which this thread is."""
        return cls(_opened(_OWN))

    @classmethod
    def at(cls, path: str) -> Self:
        """One that has a path."""
        return cls(_opened(path))

    def close(self) -> None:
        """Hold it no longer."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def create() -> Namespace:
    """A new, empty namespace; this thread stays where it is.

    Raises:
        UsageError: the kernel refuses, or no descriptor is left.
    """
    before = Namespace.current()
    try:
        if _libc.unshare(_NEWNET):
            _refused(ctypes.get_errno())
        try:
            return _lifted(Namespace.current())
        finally:
            _back(before)
    finally:
        before.close()


@contextmanager
def inside(namespace: Namespace) -> Iterator[None]:
    """This thread is in another namespace; sockets that it makes there stay there.

    Whatever happens within, the thread comes back, or the process ends: nothing may ever run in a wrong namespace.
    """
    before = Namespace.current()
    try:
        _set(namespace.fd)
        try:
            yield
        finally:
            _back(before)
    finally:
        before.close()


def enter(namespace: Namespace) -> Callable[[], None]:
    """What a new process does to start in a namespace (`preexec_fn`)."""
    fd = namespace.fd
    return lambda: _set(fd)


@contextmanager
def descriptors() -> Iterator[None]:
    """What is done within needs descriptors; that none is left is said in words.

    Raises:
        UsageError: none is left.
    """
    try:
        yield
    except OSError as error:
        if error.errno in {errno.EMFILE, errno.ENFILE}:
            raise UsageError(
                "no file descriptor is left for the lab's network",
                remedy="raise the hard limit (`ulimit -Hn`), or bring up fewer pods",
            ) from error
        raise


def write_settings(settings: dict[str, str]) -> None:
    """Set the kernel's settings of the namespace in which this thread is.

    Args:
        settings: by path below `/proc/sys/net`; none that is not of a namespace may be among them.
    """
    for name, value in settings.items():
        Path("/proc/sys/net", name).write_text(value, encoding="ascii")


def differing(settings: dict[str, str]) -> dict[str, str]:
    """Those of the settings that this thread's namespace does not have by itself.

    A new one takes many of its settings from the machine's first, so most need not be written a thousand times.
    """
    return {
        name: value
        for name, value in settings.items()
        if Path("/proc/sys/net", name).read_text(encoding="ascii").strip() != value
    }


def _set(fd: int) -> None:
    if _libc.setns(fd, _NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"cannot enter a network namespace: {os.strerror(number)}")


def _back(before: Namespace) -> None:
    if _libc.setns(before.fd, _NEWNET):
        sys.stderr.write("cannot leave a network namespace; ending rather than running in the wrong one\n")
        sys.stderr.flush()
        os.abort()


def _lifted(namespace: Namespace) -> Namespace:
    """Held by a high number: the low ones are left to libraries that wait with `select`, which ends at 1024.

    Where so many files are not allowed, all numbers are low.
    """
    low = namespace.fd
    if low >= FIRST_HIGH:
        return namespace
    try:
        namespace.fd = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, FIRST_HIGH)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.EMFILE}:
            raise
        return namespace
    os.close(low)
    return namespace


def _opened(path: str) -> int:
    with descriptors():
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _refused(number: int) -> NoReturn:
    if number == errno.ENOSPC:
        raise UsageError(
            "the kernel allows no more network namespaces",
            where="/proc/sys/user/max_net_namespaces",
            remedy="raise that limit, or bring up fewer pods",
        )
    raise UsageError(
        f"the kernel refuses a network namespace: {os.strerror(number)}",
        remedy="start through `sidestep lab`, which enters namespaces of its own first",
    )
