"""The socket at which a ztunnel hears of pods: order, descriptors, acknowledgements, and proxies that come and go."""

import asyncio
import os
import stat
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.ads import in_a_loop
from tests.support.ztunnel_client import ZdsClient

from sidestep.errors import TransportError
from sidestep.lab.machine.zds import Enrolled, Zds


class Agent:
    """The socket, those who connected, and pods with a file that stands for a namespace."""

    def __init__(self, folder: Path) -> None:
        self.said: list[str] = []
        self.zds = Zds(folder / "zds.sock", self.said.append)
        self.files: list[int] = []
        self.clients: list[ZdsClient] = []
        self._folder = folder

    async def connect(self) -> ZdsClient:
        self.clients.append(await heard(lambda: ZdsClient(self.zds.path)))
        return self.clients[-1]

    def pod(self, uid: str) -> Enrolled:
        (self._folder / uid).touch()
        self.files.append(os.open(self._folder / uid, os.O_RDONLY))
        return Enrolled(uid, f"{uid}-name", "shop", "web", self.files[-1])


@asynccontextmanager
async def agent(folder: Path):
    made = Agent(folder)
    await made.zds.listen()
    try:
        yield made.zds, made
    finally:
        await made.zds.close()
        for client in made.clients:
            client.close()
        for each in made.files:
            os.close(each)


async def heard(work):
    """What a client, which blocks, does beside the socket's loop."""
    return await asyncio.to_thread(work)


async def until(condition) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come")


@in_a_loop
async def test_who_comes_is_told_of_all_pods_and_then_that_these_are_all(tmp_path):
    async with agent(tmp_path) as (zds, made):
        one = made.pod("one")
        adding = asyncio.create_task(zds.add(one))
        client = await made.connect()
        assert await heard(client.snapshot) == ["add", "snapshot_sent"]
        await adding
        assert client.pods == {"one": ("one-name", "shop", "web", (tmp_path / "one").stat().st_ino)}
        assert stat.S_IMODE(zds.path.stat().st_mode) == 0o600


@in_a_loop
async def test_a_pod_is_served_when_that_was_acknowledged_and_not_before(tmp_path):
    async with agent(tmp_path) as (zds, made):
        client = await made.connect()
        assert await heard(client.snapshot) == ["snapshot_sent"]
        adding = asyncio.create_task(zds.add(made.pod("one")))
        await heard(client.hear)
        assert not adding.done()
        client.acknowledge()
        await adding
        zds.remove("one")
        assert (await heard(client.hear)).WhichOneof("payload") == "del"
        assert client.pods == {}


@in_a_loop
async def test_a_pod_that_cannot_be_served_says_why_and_the_line_stays(tmp_path):
    async with agent(tmp_path) as (zds, made):
        client = await made.connect()
        await heard(client.snapshot)
        adding = asyncio.create_task(zds.add(made.pod("one")))
        await heard(client.hear)
        client.acknowledge("address in use")
        with pytest.raises(TransportError, match="address in use"):
            await adding
        again = asyncio.create_task(zds.add(made.pod("two")))
        await heard(client.hear)
        client.acknowledge()
        await again


@in_a_loop
async def test_a_pod_whose_namespace_we_hold_no_more_may_be_kept(tmp_path):
    async with agent(tmp_path) as (zds, made):
        adding = asyncio.create_task(zds.add(Enrolled("old", "old", "shop", "web", None)))
        client = await made.connect()
        assert await heard(client.snapshot) == ["keep", "snapshot_sent"]
        await adding


@in_a_loop
async def test_who_comes_last_is_told_of_pods_and_all_are_told_that_one_is_gone(tmp_path):
    async with agent(tmp_path) as (zds, made):
        old = await made.connect()
        await heard(old.snapshot)
        new = await made.connect()
        await heard(new.snapshot)
        adding = asyncio.create_task(zds.add(made.pod("one")))
        await heard(new.hear)
        new.acknowledge()
        await adding
        assert old.pods == {}
        zds.remove("one")
        for each in (old, new):
            assert (await heard(each.hear)).WhichOneof("payload") == "del"
            each.acknowledge()


@in_a_loop
async def test_after_one_hung_up_the_next_is_told_everything_again(tmp_path):
    async with agent(tmp_path) as (zds, made):
        first = await made.connect()
        await heard(first.snapshot)
        adding = asyncio.create_task(zds.add(made.pod("one")))
        await heard(first.hear)
        first.acknowledge()
        await adding
        first.close()
        await until(lambda: not zds.connected)
        waiting = asyncio.create_task(zds.add(made.pod("two")))
        second = await made.connect()
        assert await heard(second.snapshot) == ["add", "add", "snapshot_sent"]
        await waiting


@in_a_loop
async def test_a_pod_that_comes_back_at_once_is_served(tmp_path):
    async with agent(tmp_path) as (zds, made):
        client = await made.connect()
        await heard(client.snapshot)
        for again in (False, True):
            adding = asyncio.create_task(zds.add(made.pod("one")))
            if again:
                assert (await heard(client.hear)).WhichOneof("payload") == "del"
                client.acknowledge()
            assert (await heard(client.hear)).WhichOneof("payload") == "add"
            client.acknowledge()
            await adding
            if not again:
                zds.remove("one")


@pytest.mark.parametrize(
    ("message", "why"),
    [(b"\x08\x02", "version 2"), (b"\xff", "no ZdsHello")],
    ids=["another version", "no message"],
)
@in_a_loop
async def test_who_does_not_greet_properly_is_hung_up_on(tmp_path, message: bytes, why: str):
    async with agent(tmp_path) as (_, made):
        client = await made.connect()
        client.say(message)
        assert await heard(client.hung_up)
        await until(lambda: made.said)
        assert why in made.said[0]


@in_a_loop
async def test_who_speaks_unasked_is_hung_up_on(tmp_path):
    async with agent(tmp_path) as (zds, made):
        client = await made.connect()
        await heard(client.snapshot)
        await until(lambda: zds.connected)
        client.acknowledge()
        assert await heard(client.hung_up)
        await until(lambda: not zds.connected)
