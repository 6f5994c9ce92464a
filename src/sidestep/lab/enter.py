"""A command in a pod, with its resolv.conf: `python -m sidestep.lab.enter [--user ID] FILE COMMAND...`."""

import argparse
import ctypes
import os
import sys

_NEWNS = 0x20000
_BIND, _REC, _PRIVATE = 0x1000, 0x4000, 0x40000
_RESOLV = b"/etc/resolv.conf"
_NOT_FOUND = 127


def main() -> None:
    """Put the file where programs look for it, for this process alone, and become the command."""
    parser = argparse.ArgumentParser(prog="sidestep.lab.enter")
    parser.add_argument("--user", type=int)
    parser.add_argument("file")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    _mount(options.file)
    if options.user is not None:
        _become(options.user)
    try:
        os.execvp(options.command[0], options.command)  # noqa: S606 - what the user asked for
    except OSError as error:
        _say(f"{options.command[0]}: {error.strerror}")
        raise SystemExit(_NOT_FOUND) from error


def _mount(file: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    mounted = (
        libc.unshare(_NEWNS) == 0
        and libc.mount(b"none", b"/", None, _REC | _PRIVATE, None) == 0
        and libc.mount(os.fsencode(file), _RESOLV, None, _BIND, None) == 0
    )
    if not mounted:
        _say(f"the pod's resolv.conf cannot be put in place: {os.strerror(ctypes.get_errno())}")


def _become(user: int) -> None:
    """Another user, where the lab was brought up by root; an ordinary user's namespace has one only."""
    try:
        os.setgid(user)
        os.setuid(user)
    except OSError as error:
        _say(f"cannot run as user {user} and stays who it is: {error.strerror}")


def _say(what: str) -> None:
    print(f"sidestep: {what}", file=sys.stderr)  # noqa: T201 - a process of its own


if __name__ == "__main__":
    main()
