"""A command with a pod's resolv.conf, in the pod's network: `python -m sidestep.lab.enter FILE COMMAND...`."""

import ctypes
import os
import sys

_NEWNS = 0x20000
_BIND, _REC, _PRIVATE = 0x1000, 0x4000, 0x40000
_RESOLV = b"/etc/resolv.conf"


def main() -> None:
    """Put the file where programs look for it, for this process alone, and become the command."""
    source, argv = sys.argv[1], sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    mounted = (
        libc.unshare(_NEWNS) == 0
        and libc.mount(b"none", b"/", None, _REC | _PRIVATE, None) == 0
        and libc.mount(os.fsencode(source), _RESOLV, None, _BIND, None) == 0
    )
    if not mounted:
        reason = os.strerror(ctypes.get_errno())
        print(f"error: the pod's resolv.conf cannot be put in place: {reason}", file=sys.stderr)  # noqa: T201
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - what the user asked for
    except OSError as error:
        print(f"error: {argv[0]}: {error.strerror}", file=sys.stderr)  # noqa: T201 - its own process
        raise SystemExit(127) from error


if __name__ == "__main__":
    main()
