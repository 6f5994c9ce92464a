"""Where namespaces are found by others: paths in the lab's scratch folder."""

import os
from pathlib import Path

from sidestep.errors import UsageError
from sidestep.lab.net.namespaces import Namespace


def linked(folder: Path, name: str, namespace: Namespace) -> str:
    """A path for a namespace, which is never that of another, while a descriptor's number may be.

    Raises:
        UsageError: the name was used before.
    """
    path = folder / name
    try:
        path.symlink_to(f"/proc/{os.getpid()}/fd/{namespace.fd}")
    except FileExistsError as error:
        raise UsageError("the name was given to a namespace before", where=str(path)) from error
    return str(path)
