"""The lab's first process, in its own namespaces: `python -m sidestep.lab.machine SCRATCH`."""

import asyncio
import os
import shutil
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from sidestep.errors import SidestepError
from sidestep.lab.launcher import raise_file_limit
from sidestep.lab.machine.machine import Machine
from sidestep.lab.machine.orphans import end_all
from sidestep.lab.machine.requests import Requests
from sidestep.lab.machine.scratch import Scratch
from sidestep.lab.machine.settings import read_settings


def main() -> int:
    """Bring a lab up and stay; the exit code."""
    raise_file_limit()
    scratch = Scratch(Path(sys.argv[1]))
    try:
        asyncio.run(_run(scratch))
    except (SidestepError, OSError) as error:
        return _failed(str(error))
    except Exception as error:  # noqa: BLE001 - the last place where it can be said
        traceback.print_exc()
        return _failed(f"a fault in the lab itself: {type(error).__name__}: {error}")
    return 0


def _failed(why: str) -> int:
    """Say it to who started us and reads our log, which stays."""
    print(f"error: {why}", file=sys.stderr, flush=True)  # noqa: T201
    return 1


async def _run(scratch: Scratch) -> None:
    machine = Machine(read_settings(scratch.root), scratch)
    await machine.run(Requests(machine).handle)
    _leave(scratch)


def _leave(scratch: Scratch) -> NoReturn:
    """End at once: all others end with this process, and to unwind a thousand pods' tasks takes longest of all."""
    end_all()
    shutil.rmtree(scratch.root, ignore_errors=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    raise SystemExit(main())
