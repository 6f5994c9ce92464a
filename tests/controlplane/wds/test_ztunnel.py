"""What a ztunnel is told over its stream, and what it then holds: by a client that keeps ztunnel's rules."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.support.ads import START, Running, in_a_loop, running
from tests.support.ztunnel_client import TYPES, ZtunnelClient

from sidestep.controlplane.generators import ADDRESS, AUTHORIZATION
from sidestep.controlplane.index import Changes, Index
from sidestep.controlplane.records import (
    PolicyKey,
    PortMap,
    Records,
    Service,
    ServiceKey,
    Tunnel,
    Workload,
    WorkloadUid,
)
from sidestep.controlplane.tokens import Proxy
from sidestep.controlplane.wds.authorizations import authorization_message
from sidestep.controlplane.wds.generator import WorkloadGenerator
from sidestep.controlplane.wds.workloads import service_address, workload_address
from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.authorization.ztunnel import Authorization, Group, Match, Scope, Side

CART = ServiceKey("shop/cart.shop.svc.cluster.local")
GUARD = PolicyKey("shop/guard")


def uid(name: str) -> WorkloadUid:
    return WorkloadUid(f"Kubernetes//Pod/shop/{name}")


def pod(name: str, address: str, node: str = "one", *policies: PolicyKey, serves: ServiceKey | None = None) -> Workload:
    services = {serves: (PortMap(80, 8080),)} if serves else {}
    return Workload(
        uid(name), name, "shop", (address,), node, name, tunnel=Tunnel.HBONE, policies=policies, services=services
    )


def guard(principal: str = "cluster.local/ns/shop/sa/web") -> Authorization:
    groups = (Group(((Match(Side(principals=(principal,))),),)),)
    return Authorization("guard", "shop", Scope.WORKLOAD_SELECTOR, Action.ALLOW, groups)


def service(name: str, vip: str) -> Service:
    return Service(name, "shop", f"{name}.shop.svc.cluster.local", (vip,), (PortMap(80, 8080),))


def shop() -> Index:
    pods = [
        pod("web", "10.0.0.1"),
        pod("cart", "10.0.0.2", "two", GUARD, serves=CART),
        pod("cart2", "10.0.0.3", "two", GUARD, serves=CART),
        pod("far", "10.0.0.9", "two"),
    ]
    services = [service("cart", "10.99.0.1"), service("other", "10.99.0.2")]
    return Index.of(Records({each.uid: each for each in pods}, {each.key: each for each in services}, {GUARD: guard()}))


@asynccontextmanager
async def plane(index: Index) -> AsyncIterator[Running]:
    async with running(index, generator=WorkloadGenerator(), role="ztunnel") as lab:
        yield lab


def client(lab: Running, node: str = "one") -> ZtunnelClient:
    return ZtunnelClient(lab.port, lab.roots, node, lab.tokens.mint(Proxy("ztunnel", node), START))


def holds_all(ztunnel: ZtunnelClient, index: Index) -> bool:
    """Whether it holds exactly the records, as they are encoded."""
    store = ztunnel.store
    return (
        store.workloads == {key: workload_address(each).workload for key, each in index.workloads.items()}
        and store.services == {key: service_address(each).service for key, each in index.services.items()}
        and store.policies == {key: authorization_message(each) for key, each in index.policies.items()}
    )


@in_a_loop
async def test_it_becomes_ready_where_there_is_nothing_to_tell():
    async with plane(Index.of(Records({}, {}, {}))) as lab:
        ztunnel = client(lab)
        async with ztunnel.stream() as stream:
            await stream.until(lambda: ztunnel.store.ready)
            assert sorted(each.type_url for each in stream.heard) == sorted(TYPES)
            assert all(each.nonce for each in stream.heard)


@pytest.mark.parametrize("order", [TYPES, TYPES[::-1]], ids=["addresses first", "policies first"])
@in_a_loop
async def test_it_is_told_everything_and_policies_before_who_names_them(order):
    async with plane(shop()) as lab:
        ztunnel = client(lab)
        async with ztunnel.stream(order=order) as stream:
            await stream.until(lambda: ztunnel.store.ready)
            assert holds_all(ztunnel, lab.plane.index)
            assert ztunnel.store.unprotected == []
            assert [each.type_url for each in stream.heard] == [AUTHORIZATION, ADDRESS]


@in_a_loop
async def test_who_does_not_ask_for_policies_is_told_of_no_workloads():
    async with plane(shop()) as lab:
        ztunnel = client(lab)
        async with ztunnel.stream(order=(ADDRESS,)) as stream:
            await lab.until(lambda: any(each.session._types for each in lab.plane.connections))
            (connection,) = lab.plane.connections
            assert connection.say() is None
            assert not connection.session.settled
            await stream.begin("one", (AUTHORIZATION,), on_demand=False)
            await stream.until(lambda: ztunnel.store.ready)


@in_a_loop
async def test_a_change_is_told_by_itself_and_what_is_gone_by_its_name():
    async with plane(shop()) as lab:
        ztunnel = client(lab)
        async with ztunnel.stream() as stream:
            await stream.until(lambda: ztunnel.store.ready)
            stream.heard.clear()
            moved = pod("web", "10.0.0.7")
            lab.plane.change(
                Changes({moved.uid: moved, uid("far"): None}, {ServiceKey("shop/other.shop.svc.cluster.local"): None})
            )
            await stream.until(lambda: holds_all(ztunnel, lab.plane.index))
            assert stream.told() == [moved.uid]
            assert sorted(stream.gone()) == [uid("far"), "shop/other.shop.svc.cluster.local"]


@in_a_loop
async def test_a_policy_comes_before_who_names_it_and_goes_after_even_while_another_is_under_way():
    async with plane(shop()) as lab:
        ztunnel = client(lab)
        async with ztunnel.stream() as stream:
            await stream.until(lambda: ztunnel.store.ready)
            for number in range(20):
                key = PolicyKey(f"shop/p{number}")
                named = pod("web", "10.0.0.1", "one", key)
                lab.plane.change(
                    Changes({named.uid: named}, policies={key: guard(str(number)), GUARD: guard(f"x{number}")})
                )
                if number % 3 == 0:
                    await stream.until(lambda: holds_all(ztunnel, lab.plane.index))
                bare = pod("web", "10.0.0.1")
                lab.plane.change(Changes({bare.uid: bare}, policies={key: None}))
            await stream.until(lambda: holds_all(ztunnel, lab.plane.index))
            assert ztunnel.store.unprotected == []


@in_a_loop
async def test_who_comes_back_is_told_what_changed_and_nothing_else_and_is_always_answered():
    async with plane(shop()) as lab:
        ztunnel = client(lab)
        async with ztunnel.stream() as stream:
            await stream.until(lambda: ztunnel.store.ready)
        moved = pod("web", "10.0.0.7")
        lab.plane.change(Changes({moved.uid: moved, uid("far"): None}, policies={GUARD: None}))
        ztunnel.store.acknowledged.clear()
        async with ztunnel.stream() as stream:
            await stream.until(lambda: ztunnel.store.ready and holds_all(ztunnel, lab.plane.index))
            assert stream.told() == [moved.uid]
            assert sorted(stream.gone()) == [uid("far"), GUARD]


@in_a_loop
async def test_versions_are_the_same_from_another_control_plane():
    one, other = await _versions(), await _versions()
    assert one == other
    assert len({*one[ADDRESS].values()}) == 6


async def _versions() -> dict[str, dict[str, str]]:
    async with plane(shop()) as lab:
        ztunnel = client(lab)
        async with ztunnel.stream() as stream:
            await stream.until(lambda: ztunnel.store.ready)
        return ztunnel.store.versions


@in_a_loop
async def test_what_it_rejects_is_found_and_the_others_hold():
    async with plane(shop()) as lab:
        ztunnel = client(lab)
        ztunnel.store.refuses.add(uid("cart2"))
        async with ztunnel.stream() as stream:
            await lab.until(lambda: lab.plane.findings)
            await stream.until(lambda: len(ztunnel.store.workloads) == 3)
            (finding,) = lab.plane.findings
            assert finding.rejection.names == (uid("cart2"),)
            assert "malformed" in finding.rejection.reason


@in_a_loop
async def test_on_demand_only_its_own_pods_are_told_unasked_and_each_question_is_answered():
    async with plane(shop()) as lab:
        ztunnel = client(lab)
        async with ztunnel.stream(on_demand=True) as stream:
            await stream.until(lambda: ztunnel.store.ready)
            assert stream.told() == [GUARD, uid("web")]
            for asked, found in {
                "/10.0.0.9": {uid("web"), uid("far")},
                "/10.99.0.1": {uid("web"), CART, uid("cart"), uid("cart2"), uid("far")},
                uid("far"): {uid("web"), CART, uid("cart"), uid("cart2"), uid("far")},
                "/10.1.1.1": {uid("web"), CART, uid("cart"), uid("cart2"), uid("far")},
            }.items():
                await stream.demand(asked)
                await stream.until(lambda asked=asked: asked in stream.gone() + stream.told())
                assert {*ztunnel.store.workloads, *ztunnel.store.services} == found
            assert ztunnel.store.unprotected == []


@in_a_loop
async def test_on_demand_a_new_pod_of_its_own_node_is_told_unasked():
    async with plane(shop()) as lab:
        ztunnel = client(lab)
        async with ztunnel.stream(on_demand=True) as stream:
            await stream.until(lambda: ztunnel.store.ready)
            near, far = pod("near", "10.0.0.4"), pod("stranger", "10.0.0.5", "two")
            lab.plane.change(Changes({far.uid: far}))
            lab.plane.change(Changes({near.uid: near}))
            await stream.until(lambda: near.uid in ztunnel.store.workloads)
            assert far.uid not in ztunnel.store.workloads


@in_a_loop
async def test_on_demand_what_was_asked_for_is_followed_also_over_a_new_stream():
    async with plane(shop()) as lab:
        ztunnel = client(lab)
        async with ztunnel.stream(on_demand=True) as stream:
            await stream.until(lambda: ztunnel.store.ready)
            await stream.demand("/10.99.0.1")
            await stream.until(lambda: CART in ztunnel.store.services)
            third = pod("cart3", "10.0.0.4", "two", serves=CART)
            stranger = pod("stranger", "10.0.0.5", "two")
            lab.plane.change(Changes({third.uid: third, stranger.uid: stranger}))
            await stream.until(lambda: third.uid in ztunnel.store.workloads)
        moved = pod("cart3", "10.0.0.6", "two", serves=CART)
        lab.plane.change(Changes({moved.uid: moved, uid("cart2"): None}))
        async with ztunnel.stream(on_demand=True) as stream:
            await stream.until(lambda: uid("cart2") not in ztunnel.store.workloads)
            assert stream.told() == [moved.uid]
            assert uid("stranger") not in ztunnel.store.workloads


@pytest.mark.parametrize("seed", range(10))
@in_a_loop
async def test_after_any_changes_it_holds_what_there_is_and_nothing_was_ever_open(seed: int):
    chance = random.Random(seed)  # noqa: S311
    async with plane(shop()) as lab:
        ztunnel = client(lab)
        for _ in range(4):
            async with ztunnel.stream(order=tuple(chance.sample(TYPES, 2))) as stream:
                for _ in range(chance.randrange(8)):
                    lab.plane.change(_change(chance, lab.plane.index))
                    if chance.random() < 0.5:
                        await stream.until(lambda: ztunnel.store.ready)
                await stream.until(lambda: holds_all(ztunnel, lab.plane.index))
        assert ztunnel.store.unprotected == []


def _change(chance: random.Random, index: Index) -> Changes:
    """Pods come, go and name policies, which are there as long as one names them."""
    keys = [PolicyKey(f"shop/p{number}") for number in range(3)]
    pods: dict[WorkloadUid, Workload | None] = {}
    for number in range(4):
        name = f"pod{number}"
        named = [key for key in keys if chance.random() < 0.5]
        if chance.random() < 0.5:
            pods[uid(name)] = (
                pod(name, f"10.1.0.{chance.randrange(9)}", "one", *named) if chance.random() < 0.7 else None
            )
    after = {**index.workloads, **pods}
    needed = {key for each in after.values() if each is not None for key in each.policies}
    policies = {key: guard(str(chance.random())) if key in needed else None for key in keys if chance.random() < 0.5}
    missing = {key: guard() for key in needed if key not in index.policies and key not in policies}
    return Changes(pods, policies={**policies, **missing})
