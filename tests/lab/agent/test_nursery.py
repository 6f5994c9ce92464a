"""Agents that are forked: each is the first process's own, in the namespace that it was asked for, and they come again."""

import asyncio
import os
import signal
import subprocess
from pathlib import Path

import msgspec
import pytest
from tests.support.lab import SCRATCH, run_inside

from sidestep.lab.agent.messages import Birth, Event, Hello
from sidestep.lab.machine.nursery import Nursery
from sidestep.lab.net.namespaces import create

pytestmark = pytest.mark.real
_PATIENCE = 60


class _Place:
    """Where agents say who they are."""

    async def __aenter__(self):
        self.greetings = asyncio.Queue()
        self.path = f"{SCRATCH}/agent.sock"
        self.server = await asyncio.start_unix_server(self._connected, self.path)
        return self

    async def __aexit__(self, *_):
        self.server.close()

    async def _connected(self, reader, writer):
        self.greetings.put_nowait(msgspec.json.decode(await reader.readline(), type=Event))
        self.writer = writer
        await reader.read()
        writer.close()

    def birth(self, netns="/proc/self/ns/net", name="one"):
        return Birth(("--node", name, "--socket", self.path), netns, f"{SCRATCH}/{name}.log")

    async def greeted(self):
        hello = await asyncio.wait_for(self.greetings.get(), _PATIENCE)
        assert isinstance(hello, Hello)
        return hello


def _played(scene):
    """In a folder of its own, which is gone with it."""
    subprocess.run(["mount", "-t", "tmpfs", "lab", SCRATCH], check=True)
    return asyncio.run(scene())


def _nursery():
    return Nursery(Path(SCRATCH, "nursery.log"))


def _network(pid):
    return Path(f"/proc/{pid}/ns/net").stat().st_ino


def _parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def in_its_own_network():
    async def scene():
        nursery, namespace = _nursery(), create()
        async with _Place() as place:
            one = await nursery.bear(place.birth(f"/proc/{os.getpid()}/fd/{namespace.fd}"))
            hello = await place.greeted()
            found = {
                "node": hello.node,
                "told": hello.pid == one.pid,
                "ours": _parent(one.pid) == os.getpid(),
                "leads": os.getpgid(one.pid) == one.pid,
                "there": _network(one.pid) == os.fstat(namespace.fd).st_ino,
            }
            place.writer.close()
            found["code"] = await asyncio.wait_for(one.wait(), _PATIENCE)
        return found

    return _played(scene)


def killed_and_born_again():
    async def scene():
        nursery = _nursery()
        async with _Place() as place:
            one = await nursery.bear(place.birth())
            await place.greeted()
            one.send_signal(signal.SIGKILL)
            code = await asyncio.wait_for(one.wait(), _PATIENCE)
            nursery._process.kill()
            await nursery._process.wait()
            other = await nursery.bear(place.birth(name="other"))
            hello = await place.greeted()
            return [code, one.returncode, hello.node, other.returncode]

    return _played(scene)


def in_a_place_that_is_not():
    async def scene():
        born = await _nursery().bear(Birth((), "/nowhere", f"{SCRATCH}/lost.log"))
        return await asyncio.wait_for(born.wait(), _PATIENCE)

    return _played(scene)


def test_an_agent_is_our_own_and_where_it_was_asked_for():
    assert run_inside(in_its_own_network) == {
        "node": "one", "told": True, "ours": True, "leads": True, "there": True, "code": 0,
    }  # fmt: skip


def test_who_is_killed_is_noticed_and_who_forks_is_started_again():
    assert run_inside(killed_and_born_again) == [-9, -9, "other", None]


def test_an_agent_that_cannot_begin_ends_with_a_code():
    assert run_inside(in_a_place_that_is_not) == 1
