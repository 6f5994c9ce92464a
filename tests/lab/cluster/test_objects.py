"""The store: versions, what a cluster says of objects survives an apply, and addresses are used again late."""

import pytest

from sidestep.errors import UsageError, WorldError
from sidestep.lab.cluster.addresses import Pool, pods_of
from sidestep.lab.cluster.objects import Ref, Store, Verb


def config(name="web", **fields):
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"}, **fields}


@pytest.fixture
def store():
    return Store(lambda: "2026-01-01T00:00:00Z")


def test_the_same_object_again_is_no_change(store):
    assert store.put(config()).verb is Verb.ADDED
    assert store.put(config()) is None
    assert store.put(config(spec={"a": 1})).verb is Verb.MODIFIED


def test_uid_and_status_survive_what_a_user_applies(store):
    store.put(config())
    store.edit(Ref("services", "shop", "web"), lambda tree: tree.update(status={"ready": True}))
    before = store.get(Ref("services", "shop", "web"))
    after = store.put(config(spec={"a": 1})).tree
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["status"] == {"ready": True}
    assert int(after["metadata"]["resourceVersion"]) > int(before["metadata"]["resourceVersion"])


def test_who_holds_a_tree_sees_it_unchanged(store):
    store.put(config())
    held = store.get(Ref("services", "shop", "web"))
    store.edit(Ref("services", "shop", "web"), lambda tree: tree["metadata"].update(labels={"a": "b"}))
    assert "labels" not in held["metadata"]


def test_changes_are_heard_in_order_with_what_was_before(store):
    heard = []
    store.listen(heard.append)
    store.put(config())
    store.put(config(spec={}))
    store.remove(Ref("services", "shop", "web"))
    assert [each.verb for each in heard] == [Verb.ADDED, Verb.MODIFIED, Verb.DELETED]
    assert heard[1].before == heard[0].tree


def test_a_kind_that_nobody_knows_is_kept(store):
    change = store.put({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "a", "namespace": "n"}})
    assert change.ref == Ref("widgets.example.com", "n", "a")


def test_an_object_without_a_name_is_refused(store):
    with pytest.raises(UsageError, match=r"metadata\.name"):
        store.put({"apiVersion": "v1", "kind": "Service", "metadata": {}})


def test_addresses_come_back_after_all_others_were_used():
    pool = Pool(("10.0.0.0/29", "fd00::/125"), "tests")
    taken = [pool.take().ipv4 for _ in range(3)]
    pool.give_back(taken[0])
    rest = [pool.take().ipv4 for _ in range(3)]
    assert rest == ["10.0.0.5", "10.0.0.6", taken[0]]
    with pytest.raises(WorldError, match="no address is left"):
        pool.take()


def test_an_address_that_was_reserved_is_not_given_again():
    pool = Pool(("10.0.0.0/29", "fd00::/125"), "tests")
    assert pool.reserve("10.0.0.2").ipv4 == "10.0.0.2"
    assert pool.reserve("10.0.0.2") is None
    assert pool.reserve("192.0.2.1") is None
    assert pool.take().ipv4 == "10.0.0.3"


def test_nodes_pod_networks_do_not_overlap():
    assert pods_of(0) == ("10.128.0.0/20", "fd00:10:128::/64")
    assert pods_of(1) == ("10.128.16.0/20", "fd00:10:128:1::/64")
