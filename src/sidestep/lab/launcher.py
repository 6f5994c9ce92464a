"""Starts a Python program in namespaces of its own, which end with it: whatever it makes there needs no cleaning up.

Namespaces of network, mounts and processes; for an ordinary user one of users as well, in which it is root. The first
process within is the program. When the one that was started dies, by whatever signal, the kernel ends them all.
"""

import ctypes
import errno
import os
import resource
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from sidestep.errors import UsageError

_NEWUSER, _NEWNET = 0x10000000, 0x40000000
_FEWEST_FILES = 1024
_SETTINGS_FOLDER = Path("/proc/sys")
_BLOCKERS = (
    ("kernel/apparmor_restrict_unprivileged_userns", "1", "0"),
    ("kernel/unprivileged_userns_clone", "0", "1"),
    ("user/max_user_namespaces", "0", "10000"),
)
"""Settings by which systems deny users namespaces: Ubuntu's, Debian's, everybody's; what blocks, and what allows."""
_OPTIONS = ("--net", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child")


def command(arguments: Sequence[str]) -> list[str]:
    """What to execute so that Python runs with these arguments in namespaces of its own.

    Args:
        arguments: of the interpreter, e.g. `-m` and a module.

    Raises:
        UsageError: this machine does not allow it; what to do is said.
    """
    unshare = _unshare()
    user = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    return [unshare, *user, *_OPTIONS, "--", sys.executable, *arguments]


def check() -> None:
    """Whether this machine can hold a lab.

    Raises:
        UsageError: it cannot, and what to do.
    """
    _unshare()
    number = _tried()
    if number:
        raise _forbidden(number)
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if limit != resource.RLIM_INFINITY and limit < _FEWEST_FILES:
        raise UsageError(
            f"a process may open only {limit} files, and the lab needs {_FEWEST_FILES} at least",
            remedy="raise the hard limit (`ulimit -Hn`, `LimitNOFILE=` of a service)",
        )


def raise_file_limit() -> None:
    """As many open files as we may have; processes that are started inherit it."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


def start(arguments: Sequence[str]) -> None:
    """Become Python with these arguments in namespaces of its own; does not return.

    Raises:
        UsageError: this machine does not allow it; what to do is said.
    """
    check()
    raise_file_limit()
    argv = command(arguments)
    os.execv(argv[0], argv)  # noqa: S606 - the program that `command` found, and no shell


def _unshare() -> str:
    if sys.platform != "linux":
        raise UsageError(
            f"the lab needs Linux, and this is {sys.platform}",
            remedy="run it in a Linux machine, real or virtual (on macOS e.g. Lima or Colima)",
        )
    found = shutil.which("unshare")
    if found is None:
        raise UsageError("the program unshare is not here", remedy="install util-linux")
    return found


def _tried() -> int:
    """Error number of a child that tries what the lab needs; 0 when it may."""
    child = os.fork()
    if child == 0:
        os._exit(_try_namespaces())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _try_namespaces() -> int:
    """What `unshare` will do, in a process that ends: a user that may have a namespace may still be denied its use."""
    libc = ctypes.CDLL(None, use_errno=True)
    user = os.geteuid()
    if user and libc.unshare(_NEWUSER):
        return ctypes.get_errno()
    try:
        if user:
            Path("/proc/self/uid_map").write_text(f"0 {user} 1", encoding="ascii")
    except OSError as error:
        return error.errno or errno.EPERM
    return ctypes.get_errno() if libc.unshare(_NEWNET) else 0


def _forbidden(number: int) -> UsageError:
    reason = "the limit is reached" if number == errno.ENOSPC else os.strerror(number)
    if os.geteuid() == 0:
        return UsageError(
            f"root may not make network namespaces here: {reason}",
            remedy="in a container, start it with `--cap-add SYS_ADMIN --cap-add NET_ADMIN` and a seccomp profile "
            "that allows `unshare` (Docker: `--security-opt seccomp=unconfined`)",
        )
    return UsageError(f"this machine does not let an ordinary user have namespaces: {reason}", remedy=_remedy())


def _remedy() -> str:
    for setting, blocks, allows in _BLOCKERS:
        path = _SETTINGS_FOLDER / setting
        if path.exists() and path.read_text(encoding="ascii").strip() == blocks:
            return f"`sudo sysctl -w {setting.replace('/', '.')}={allows}`, or run it as root"
    return "run it as root, or outside of the container (Docker: `--security-opt seccomp=unconfined`)"
