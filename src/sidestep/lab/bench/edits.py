"""How soon an edit of a policy or a route is in force, and what becomes of connections that are open meanwhile."""

import subprocess
import time
from collections.abc import Callable

import msgspec
from msgspec import Struct

from sidestep.errors import WorldError
from sidestep.lab.api.client import Client
from sidestep.lab.bench.measuring import Load, command
from sidestep.lab.bench.outcome import Edit
from sidestep.lab.bench.scenarios import Scenario

CONNECTIONS = 32
_PATIENCE = 30.0


class _Told(Struct, frozen=True):
    count: int
    failed: int
    at: float


def edit(speaker: Client, scenario: Scenario, what: str, change: Callable[[], object]) -> Edit:
    """Make a change while the client of a scenario has connections open.

    Args:
        speaker: to the lab.
        scenario: whose client looks on.
        what: is edited.
        change: does it.

    Raises:
        WorldError: nothing is answered, before or otherwise than before.
    """
    load = Load(f"edits of a {what}", "watch", 0.0, _PATIENCE, CONNECTIONS)
    with subprocess.Popen(  # noqa: S603 - our own program, and no shell
        command(speaker, scenario, load, scenario.host), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            lines = iter(process.stdout or ())
            if not next(lines, b""):
                raise WorldError(f"{CONNECTIONS} connections cannot be opened", where=scenario.home)
            began = time.monotonic()
            change()
            told = next(lines, b"")
        finally:
            process.kill()
    found = msgspec.json.decode(told, type=_Told) if told else None
    if found is None or not found.count:
        raise WorldError(f"an edit of a {what} changed no answer within {_PATIENCE:g} s", where=scenario.home)
    return Edit(what, found.at - began, found.failed)
