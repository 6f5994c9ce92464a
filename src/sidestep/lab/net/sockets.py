"""What the kernel knows of a namespace's sockets."""

from pathlib import Path

from sidestep.lab.net.namespaces import Namespace, inside

_LISTENS = "0A"


def listening(namespace: Namespace) -> frozenset[int]:
    """TCP ports on which somebody listens."""
    with inside(namespace):
        tables = [Path("/proc/thread-self/net", name).read_text(encoding="ascii") for name in ("tcp", "tcp6")]
    rows = (line.split() for table in tables for line in table.splitlines()[1:])
    return frozenset(int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == _LISTENS)
