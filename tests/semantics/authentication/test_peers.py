"""PeerAuthentication as a sidecar reads it, and what istiod makes of it for ztunnel (istio-semantics.md §4.1)."""

import pytest
from tests.support.mesh import mesh
from tests.support.scenes import peers

from sidestep.model.kinds import PEER_AUTHENTICATION
from sidestep.semantics.authentication.peers import (
    Mtls,
    effective,
    levels,
    oldest,
    parse_peer_policy,
    unplaced_peer_policy,
)
from sidestep.semantics.authentication.peers_at_ztunnel import CONVERTED, STATIC_STRICT, derived, listed
from sidestep.semantics.authorization.seen import Seen
from sidestep.semantics.authorization.ztunnel import matching_group

ROOT = "istio-system"
S, P, D, U = "STRICT", "PERMISSIVE", "DISABLE", "UNSET"


def of(*trees):
    parsed = [parse_peer_policy(each) for each in mesh(*trees).of(PEER_AUTHENTICATION)]
    return levels(parsed, ROOT, "shop", {"app": "cart", "v": "1"})


def three(root, space, own=None, ports=None):
    made = [peers(root, ROOT)] if root else []
    made += [peers(space, "shop")] if space else []
    return of(*made, *([peers(own, "shop", name="own", app="cart", ports=ports)] if own is not None else []))


@pytest.mark.parametrize(
    ("found", "mode", "field"),
    [
        (of(), P, ""), (three(S, ""), S, "mtls.mode"), (three(S, P), P, "mtls.mode"), (three(S, U), S, "mtls.mode"), (three(S, P, S), S, "mtls.mode"),
        (three(S, P, U), P, "mtls.mode"), (three("", "", "", {8080: S}), S, "portLevelMtls.8080.mode"), (three(S, "", "", {8080: D}), D, "portLevelMtls.8080.mode"),
        (three(S, "", "", {9090: D}), S, "mtls.mode"), (three(S, "", P, {8080: U}), P, "mtls.mode"), (three("", "", "", {8080: ""}), P, ""),
    ],
)  # fmt: skip
def test_what_a_sidecar_asks_for(found, mode, field):
    told = effective(found, 8080)
    assert (told.mode, told.field) == (Mtls(mode), field)


def test_only_own_namespaces_and_labels_count():
    found = of(peers(S, "other"), peers(S, "shop", name="x", app="x"), peers(S, ROOT, name="selector", app="cart"))
    assert found == of()


def test_an_empty_selector_is_the_namespaces_own():
    tree = peers(S, "shop")
    tree["spec"]["selector"] = {"matchLabels": {}}
    assert of(tree).namespace is not None


@pytest.mark.parametrize(
    ("first", "second", "counts"),
    [("2020-01-01T00:00:00Z", "2021-01-01T00:00:00Z", "a"), ("2021-01-01T00:00:00Z", "2020-01-01T00:00:00Z", "b"), ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z", "a")],
)  # fmt: skip
def test_of_one_level_the_oldest_counts(first, second, counts):
    a, b = peers(S, "shop", name="a"), peers(P, "shop", name="b")
    a["metadata"]["creationTimestamp"], b["metadata"]["creationTimestamp"] = first, second
    assert of(a, b).namespace.id.name == of(b, a).namespace.id.name == counts


def test_nobody_is_the_oldest_of_none():
    assert oldest([]) is None


def test_a_broken_one_counts_where_it_stands_and_one_without_place_everywhere():
    broken = peers(S, "shop", name="own", app="x")
    broken["spec"]["mtls"] = 5
    assert of(broken).broken is None
    broken["spec"]["selector"] = {"matchLabels": {"app": "cart"}}
    assert "shop/own" in of(broken).invalid
    stray = unplaced_peer_policy(of(broken).broken.id, "why")
    assert levels([stray], ROOT, "shop", {}).broken is stray


@pytest.mark.parametrize(
    ("found", "strict", "own"),
    [
        (of(), False, False), (three(S, ""), True, False), (three(S, U), True, False), (three(S, P), False, False), (three("", S), True, False),
        (three("", "", S), True, False), (three("", "", S, {8080: P}), False, True), (three("", "", S, {8080: S}), True, False), (three(S, "", P), False, False),
        (three(S, "", D), False, False), (three(S, "", P, {8080: S}), False, True), (three(S, "", U, {8080: P}), False, True), (three(S, "", U, {8080: D}), True, False),
        (three("", "", U, {8080: S}), False, True),
    ],
)  # fmt: skip
def test_what_a_workload_lists(found, strict, own):
    told = listed(found)
    assert (told.strict, told.own is not None) == (strict, own)


def refuses(found, port, identity=None):
    what = Seen(identity, "10.1.1.1", "", "10.2.2.2", port)
    return any(matching_group(each, what) is not None for each in derived(found, ROOT))


@pytest.mark.parametrize(
    ("found", "on_8080", "on_9090"),
    [
        (of(), False, False), (three(S, ""), True, True), (three(S, "", P), False, False), (three("", "", S, {8080: P}), False, True), (three("", "", S, {8080: D}), False, True),
        (three("", "", U, {8080: S}), True, False), (three("", "", P, {8080: S}), True, False), (three(S, "", U, {8080: P}), False, True),
        (three("", S, U, {8080: P}), False, True), (three("", "", D, {8080: S}), True, False),
    ],
)  # fmt: skip
def test_whom_ztunnel_refuses_without_an_identity(found, on_8080, on_9090):
    assert refuses(found, 8080) is on_8080
    assert refuses(found, 9090) is on_9090
    assert not refuses(found, 8080, "cluster.local/ns/shop/sa/web")


@pytest.mark.parametrize(
    ("found", "sidecar", "ztunnel"),
    [(three(S, "", P, {8080: S}), True, False), (three(S, U, U, {8080: P}), False, False)],
)
def test_bugs_of_the_conversion_are_kept(found, sidecar, ztunnel):
    """D28: a parent's STRICT makes istiod forget the port's, and UNSET of a namespace counts as not strict."""
    assert (effective(found, 8080).mode is Mtls.STRICT) is sidecar
    assert refuses(found, 8080) is ztunnel


def test_names_by_which_they_are_known():
    assert [each.name for each in derived(three(S, ""), ROOT)] == [STATIC_STRICT]
    assert [each.name for each in derived(three("", "", U, {8080: S}), ROOT)] == [f"{CONVERTED}own"]
