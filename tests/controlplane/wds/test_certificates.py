"""Certificates for keys of the proxy's own: whose, how long, and who is refused."""

from datetime import timedelta

import grpc
import grpc.aio
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.controlplane.wds.test_ztunnel import client, plane, pod, shop, uid
from tests.support.ads import START, Running, in_a_loop
from tests.support.ztunnel_client import ZtunnelClient, request_for

from sidestep.controlplane.index import Changes
from sidestep.controlplane.tokens import Proxy

WEB = "spiffe://cluster.local/ns/shop/sa/web"
FAR = "spiffe://cluster.local/ns/shop/sa/far"


@in_a_loop
async def test_a_node_gets_the_identities_of_its_pods_whatever_the_request_calls_itself():
    async with plane(shop()) as lab:
        leaf, *above = await client(lab).certificate(WEB)
        assert len(above) == 2
        assert leaf.not_valid_after_utc - START == timedelta(hours=24)
        assert await client(lab, "two").certificate(FAR)
        assert [(proxy, name) for proxy, name, _ in lab.plane.secrets.served()] == [
            ("one", f"own-key:{WEB}"),
            ("two", f"own-key:{FAR}"),
        ]


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        (FAR, "no identity of a meshed pod on node one"),
        ("spiffe://cluster.local/ns/shop/sa/nobody", "no identity of a meshed pod"),
        ("spiffe://elsewhere/ns/shop/sa/web", "no identity of a meshed pod"),
        ("", "must say whose certificate"),
    ],
    ids=["another node's", "nobody's", "another domain's", "none"],
)
@in_a_loop
async def test_other_identities_are_refused(identity: str, reason: str):
    async with plane(shop()) as lab:
        code, told = await _refused(client(lab).certificate(identity))
        assert code is grpc.StatusCode.UNAUTHENTICATED
        assert reason in told
        assert lab.plane.metrics.refused == 1


@in_a_loop
async def test_a_pod_that_is_gone_is_signed_for_no_more():
    async with plane(shop()) as lab:
        await client(lab).certificate(WEB)
        lab.plane.change(Changes({uid("web"): pod("web", "10.0.0.1", "two")}))
        code, _ = await _refused(client(lab).certificate(WEB))
        assert code is grpc.StatusCode.UNAUTHENTICATED
        assert list(lab.plane.secrets.served()) == []


@in_a_loop
async def test_who_shows_no_token_of_its_own_is_refused():
    async with plane(shop()) as lab:
        for token in ("", "x.y.z", lab.tokens.mint(Proxy("node", "one"), START)):
            code, _ = await _refused(ZtunnelClient(lab.port, lab.roots, "one", token).certificate(WEB))
            assert code is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("what", ["nothing", "another key", "not signed"])
@in_a_loop
async def test_a_request_must_be_one_and_signed_by_its_own_key(what: str):
    key = ec.generate_private_key(ec.SECP256R1())
    csr = {
        "nothing": "nothing",
        "another key": request_for(rsa.generate_private_key(65537, 2048)),
        "not signed": _spoiled(request_for(key)),
    }[what]
    async with plane(shop()) as lab:
        code, _ = await _refused(client(lab).certificate(WEB, csr=csr))
        assert code is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("asked", "given"),
    [(60, 60), (0, 86400), (-5, 86400), (2**62, 86400)],
    ids=["short", "zero", "negative", "endless"],
)
@in_a_loop
async def test_a_shorter_life_is_given_and_no_longer_one(asked: int, given: int):
    async with plane(shop()) as lab:
        leaf, *_ = await client(lab).certificate(WEB, seconds=asked)
        assert leaf.not_valid_after_utc - START == timedelta(seconds=given)


@in_a_loop
async def test_half_of_a_short_life_counted_from_its_beginning_is_yet_to_come():
    async with plane(shop()) as lab:
        leaf, *_ = await client(lab).certificate(WEB, seconds=60)
        begin, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
        assert begin < START
        assert begin + (end - begin) / 2 - START >= timedelta(seconds=20)


@in_a_loop
async def test_an_exchange_of_roots_waits_until_it_has_asked_again():
    async with plane(shop()) as lab:
        await client(lab).certificate(WEB)
        assert lab.plane.secrets.outdated() == 0
        for roots in (2, 2, 1):
            _next_stage(lab)
            assert lab.plane.secrets.outdated() == 1
            _, _, *told = await client(lab).certificate(WEB)
            assert len(told) == roots
            assert lab.plane.secrets.outdated() == 0


def _next_stage(lab: Running) -> None:
    lab.authority[0] = lab.authority[0].next_stage(START)
    lab.plane.trust_changed()


def _spoiled(request: str) -> str:
    """The same with another letter in its signature."""
    lines = request.splitlines()
    lines[-3] = lines[-3][:60] + ("A" if lines[-3][60] != "A" else "B") + lines[-3][61:]
    return "\n".join(lines)


async def _refused(asked) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await asked
    return error.value.code(), error.value.details() or ""
