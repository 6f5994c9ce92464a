"""Processes broken on purpose: who is meant, and what happens to them until it is over."""

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from sidestep.errors import UsageError, WorldError
from sidestep.lab.api import messages as api
from sidestep.lab.machine.faults import Faults
from sidestep.lab.machine.processes import Processes, Program

WAITS = (sys.executable, "-c", "import signal; signal.pause()")
NAMES = ("waypoint/shop/waypoint-1a-x", "waypoint/shop/waypoint-1a-y", "waypoint/shop/other-2b-z", "controlplane")


def state(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


async def until(true):
    async with asyncio.timeout(30):
        while not true():  # noqa: ASYNC110 - nobody tells when a process stops
            await asyncio.sleep(0.001)


class Ground:
    """Processes that wait, and faults of them."""

    def __init__(self, tmp_path):
        self.said, self.ended, self.pids = [], [], {}
        self.processes = Processes(lambda name, *_: self.ended.append(name), lambda *_: None)
        machine = SimpleNamespace(processes=self.processes, say=lambda who, what: self.said.append((who, what)))
        self.faults, self._folder = Faults(machine), tmp_path

    async def __aenter__(self):
        for name in NAMES:
            self.pids[name] = await self.processes.start(Program(name, WAITS, self._folder / "log"))
        return self

    async def __aexit__(self, *_):
        for name in NAMES:
            await self.processes.stop(name)

    async def fault(self, process, how, **more):
        return await self.faults(api.Fault(process, how, **more))

    def stopped(self):
        return [name for name, pid in self.pids.items() if state(pid) == "T"]


def run(scene, tmp_path):
    async def play():
        async with Ground(tmp_path) as ground:
            await scene(ground)

    asyncio.run(play())


def test_a_gateways_name_is_all_of_its_proxies_and_of_nobody_elses(tmp_path):
    async def scene(ground):
        await ground.fault("waypoint/shop/waypoint", "stop")
        await until(lambda: len(ground.stopped()) == 2)
        assert ground.stopped() == list(NAMES[:2])
        await ground.fault(NAMES[0], "continue")
        await until(lambda: ground.stopped() == [NAMES[1]])
        await ground.fault(NAMES[1], "continue")

    run(scene, tmp_path)


def test_a_slow_process_stops_and_goes_on_until_that_is_over(tmp_path):
    async def scene(ground):
        told = await ground.fault(NAMES[0], "slow", share=0.5)
        assert told["what"] == "runs 50% of the time"
        for _ in range(3):
            await until(lambda: ground.stopped() == [NAMES[0]])
            await until(lambda: ground.stopped() == [])
        await until(lambda: ground.stopped() == [NAMES[0]])
        told = await ground.fault(NAMES[0], "slow")
        assert told["what"] == "runs as usual"
        await until(lambda: ground.stopped() == [])

    run(scene, tmp_path)


def test_a_limit_kills_whoever_takes_its_place_too_until_it_is_over(tmp_path):
    async def scene(ground):
        await ground.fault(NAMES[0], "limit", memory=1)
        await until(lambda: ground.ended.count(NAMES[0]) >= 2)
        assert set(ground.ended) == {NAMES[0]}
        assert ground.said[0] == (NAMES[0], "was killed: it took more than its limit of 9.53674e-07 MiB")
        await ground.fault(NAMES[0], "limit")
        await until(lambda: ground.processes.memory(NAMES[0]) > 0)

    run(scene, tmp_path)


def test_a_limit_that_is_kept_kills_nobody(tmp_path):
    async def scene(ground):
        await ground.fault(NAMES[0], "limit", memory=2**40)
        await ground.fault(NAMES[1], "limit", memory=1)
        await until(lambda: NAMES[1] in ground.ended)
        assert NAMES[0] not in ground.ended
        for name in NAMES[:2]:
            await ground.fault(name, "limit")

    run(scene, tmp_path)


@pytest.mark.parametrize(
    ("process", "how", "more", "error", "said"),
    [
        ("waypoint/shop/none", "kill", {}, WorldError, "no process 'waypoint/shop/none' runs"),
        ("waypoint/shop", "kill", {}, WorldError, "no process 'waypoint/shop' runs"),
        ("controlplane", "slow", {"share": 1.0}, UsageError, "1 is no share of the time"),
        ("controlplane", "limit", {"memory": -1}, UsageError, "-1 is no memory"),
        ("controlplane", "replace", {}, UsageError, "'replace' cannot happen to controlplane"),
        ("controlplane", "shake", {}, UsageError, "'shake' cannot happen to controlplane"),
    ],
)
def test_what_cannot_be_is_said(tmp_path, process, how, more, error, said):
    async def scene(ground):
        with pytest.raises(error, match=said):
            await ground.fault(process, how, **more)

    run(scene, tmp_path)
