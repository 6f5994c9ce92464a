"""What was seen and is written soon, written: proxies and workloads gather what they see before they write it.

Who asks what the lab has seen asks for everything that was answered until then. Envoy writes its files each second,
and at once when it opens them anew; what still waits it counts.
"""

import asyncio
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from sidestep.errors import SidestepError, TransportError
from sidestep.lab.agent.messages import WriteDown
from sidestep.lab.envoy import Admin
from sidestep.lab.machine.agents import AgentLine

_PAUSE = 0.005
_LONGEST = 1.0
"""Seconds after which a proxy has written all that it had at the beginning, even if more comes all the time."""
_PATIENCE = 5.0


async def proxies_wrote(folders: Iterable[Path]) -> None:
    """Wait until proxies have written what they saw; one that does not answer is not waited for.

    Args:
        folders: in which they run.
    """
    await asyncio.gather(*(asyncio.to_thread(_write, each) for each in folders))


async def workloads_wrote(agents: Iterable[AgentLine]) -> None:
    """Wait until built-in workloads have written their spans; a node that does not answer is not waited for."""
    await asyncio.gather(*map(_quietly, agents))


async def _quietly(agent: AgentLine) -> None:
    with suppress(SidestepError):
        await agent.do(WriteDown(0), _PATIENCE)


def _write(folder: Path) -> None:
    for path in folder.glob("envoy-*.sock"):
        with suppress(TransportError):
            _flush(Admin(path))


def _flush(proxy: Admin) -> None:
    end = time.monotonic() + _LONGEST
    while proxy.unwritten() and time.monotonic() < end:
        proxy.write()
        time.sleep(_PAUSE)
