"""The lab's first process, in its own namespaces: `python -m sidestep.lab.machine SCRATCH`."""

import asyncio
import sys
from pathlib import Path

from sidestep.errors import SidestepError
from sidestep.lab.launcher import raise_file_limit
from sidestep.lab.machine.machine import Machine
from sidestep.lab.machine.scratch import Scratch
from sidestep.lab.machine.settings import read_settings


def main() -> int:
    """Bring a lab up and stay; the exit code."""
    raise_file_limit()
    scratch = Scratch(Path(sys.argv[1]))
    try:
        asyncio.run(_run(scratch))
    except SidestepError as error:
        print(f"error: {error}", file=sys.stderr, flush=True)  # noqa: T201 - read by who started us
        return 1
    return 0


async def _run(scratch: Scratch) -> None:
    await Machine(read_settings(scratch.root), scratch).run()


if __name__ == "__main__":
    raise SystemExit(main())
