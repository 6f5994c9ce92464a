"""Who may not, is told nothing: no token, another's, an old one, one that was carried to another node."""

from datetime import timedelta

import grpc
import grpc.aio
import pytest
from tests.support.ads import START, Running, first_answer, in_a_loop, running

from sidestep.controlplane.ads.server import address_of
from sidestep.controlplane.index import Index
from sidestep.controlplane.records import Records
from sidestep.controlplane.tokens import Proxy, Tokens

_NODE = Proxy("node", "one")


async def _first_answer(lab: Running, token: str | None, node: str = "one") -> list[str]:
    return await first_answer(lab.port, lab.roots, "controlplane.test", token, node)


@in_a_loop
async def test_a_proxy_with_its_token_is_answered_even_where_there_is_nothing_to_tell():
    async with running(Index.of(Records({}, {}, {}))) as lab:
        assert await _first_answer(lab, lab.tokens.mint(_NODE, START)) == []


@pytest.mark.parametrize(
    ("token", "code", "reason"),
    [
        (None, grpc.StatusCode.UNAUTHENTICATED, "must show its token"),
        ("", grpc.StatusCode.UNAUTHENTICATED, "not signed here"),
        (Tokens(b"other").mint(_NODE, START), grpc.StatusCode.UNAUTHENTICATED, "not signed here"),
        (_NODE, grpc.StatusCode.UNAUTHENTICATED, "expired"),
        (Proxy("waypoint", "one"), grpc.StatusCode.UNAUTHENTICATED, "role 'waypoint'"),
        (Proxy("node", "two"), grpc.StatusCode.PERMISSION_DENIED, "the token is of two"),
    ],
    ids=["none", "empty", "of another mesh", "old", "of no role", "of another node"],
)
@in_a_loop
async def test_who_does_not_prove_who_it_is_is_told_nothing(token: Proxy | str | None, code, reason: str):
    async with running(Index.of(Records({}, {}, {}))) as lab:
        if isinstance(token, Proxy):
            minted = START - timedelta(hours=1) if reason == "expired" else START
            token = lab.tokens.mint(token, minted)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await _first_answer(lab, token)
        assert refused.value.code() is code
        assert reason in (refused.value.details() or "")
        assert lab.plane.metrics.responses == 0
        assert lab.plane.metrics.refused == 1
        assert not lab.plane.connections


@in_a_loop
async def test_a_token_that_was_carried_to_another_node_does_not_count():
    async with running(Index.of(Records({}, {}, {})), at_home=lambda _proxy, address: address == "10.0.0.7") as lab:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await _first_answer(lab, lab.tokens.mint(_NODE, START))
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:10.0.0.1:4711", "10.0.0.1"),
        ("ipv6:%5Bfd00::1%5D:4711", "fd00::1"),
        ("ipv6:[fd00::1]:4711", "fd00::1"),
        ("unix:/run/some:thing", ""),
    ],
)
def test_a_peers_address_is_read_from_its_name(peer: str, address: str):
    assert address_of(peer) == address
