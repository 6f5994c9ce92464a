"""A unix socket that only its user may speak to."""

import os
import socket
from pathlib import Path


def private_socket(path: Path) -> socket.socket:
    """Bound at a path, in the place of one that somebody left there; not yet listening."""
    path.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(os.fspath(path))
    path.chmod(0o600)
    return made
