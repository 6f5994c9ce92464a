"""Addresses and names of services: given once, kept when applied again, and what stands behind them."""

import msgspec
import pytest

from sidestep.lab.cluster.names import entry_names, service_name
from sidestep.lab.cluster.objects import Ref, Store, ref_of
from sidestep.lab.cluster.services import backends
from sidestep.lab.cluster.vips import Vips
from sidestep.lab.dns.names import Target
from sidestep.model.views.core import EndpointSlice


@pytest.fixture
def store():
    made = Store(lambda: "2026-01-01T00:00:00Z")
    Vips(made)
    return made


def service(name="web", **spec):
    body = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"}, "spec": body}


def pod(name, ip, *, ready=True, port=8080, **spec):
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": "web"}},
        "spec": {"containers": [{"ports": [{"name": "http", "containerPort": port}]}], **spec},
        "status": {
            "podIPs": [{"ip": ip}, {"ip": f"fd00::{ip.rpartition('.')[2]}"}],
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def stored(store, tree):
    store.put(tree)
    return store.get(ref_of(tree))


def test_a_service_keeps_its_addresses_when_it_is_applied_again(store):
    first = stored(store, service())["spec"]["clusterIPs"]
    assert len(first) == 2
    assert stored(store, service(ports=[]))["spec"]["clusterIPs"] == first


def test_a_change_is_never_seen_without_its_address(store):
    seen = []
    store.listen(lambda change: seen.append(change.tree["spec"].get("clusterIPs")))
    store.put(service())
    store.put(service(ports=[]))
    assert None not in seen


def test_one_family_where_one_is_asked_for_and_the_first_first(store):
    assert len(stored(store, service("a", ipFamilyPolicy="SingleStack"))["spec"]["clusterIPs"]) == 1
    assert ":" in stored(store, service("b", ipFamilies=["IPv6", "IPv4"]))["spec"]["clusterIP"]


def test_headless_and_external_names_get_none(store):
    assert stored(store, service("a", clusterIP="None"))["spec"]["clusterIPs"] == ["None"]
    assert "clusterIPs" not in stored(store, service("b", type="ExternalName", externalName="x.example"))["spec"]


def test_only_ready_pods_stand_behind_an_address_by_the_port_that_each_calls_so(store):
    tree = stored(store, service(ipFamilyPolicy="SingleStack"))
    (found,) = backends(
        tree, [pod("a", "10.0.0.1"), pod("b", "10.0.0.2", port=9090), pod("c", "10.0.0.3", ready=False)]
    )
    assert found.targets == (("10.0.0.1", 8080), ("10.0.0.2", 9090))
    assert found.port == 80


def test_each_family_has_its_own_endpoints(store):
    four, six = backends(stored(store, service()), [pod("a", "10.0.0.1")])
    assert four.targets == (("10.0.0.1", 8080),)
    assert six.targets == (("fd00::1", 8080),)


def test_a_service_without_ready_pods_is_there_and_empty(store):
    assert all(not each.targets for each in backends(stored(store, service()), []))


def test_a_headless_name_leads_to_pods_and_a_stateful_pod_has_its_own():
    tree = service("db", clusterIP="None", clusterIPs=["None"])
    found = service_name(
        tree, [pod("db-0", "10.0.0.1", hostname="db-0", subdomain="db"), pod("x", "10.0.0.2", ready=False)]
    )
    assert found.target is Target.ENDPOINTS
    assert [(each.hostname, each.ready) for each in found.endpoints] == [("db-0", True), ("", False)]


def test_entries_are_given_addresses_for_each_host_unless_they_have_some_or_resolve_to_nothing(store):
    def entry(name, **spec):
        meta = {"name": name, "namespace": "shop"}
        return {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": meta, "spec": spec}

    tree = stored(store, entry("a", hosts=["a.example", "*.b.example"], resolution="DNS"))
    names = {each.host: each.addresses for each in entry_names(tree)}
    assert names["a.example"][0].startswith("240.240.")
    assert names["*.b.example"] == ()
    fixed = stored(store, entry("b", hosts=["c.example"], addresses=["192.0.2.7"], resolution="STATIC"))
    assert entry_names(fixed)[0].addresses == ("192.0.2.7",)
    assert entry_names(stored(store, entry("c", hosts=["d.example"])))[0].addresses == ()


def written(*addresses, ready=True, **port):
    told = {"endpoints": [{"addresses": [each], "conditions": {"ready": ready}} for each in addresses]}
    return msgspec.convert({**told, "ports": [port]}, EndpointSlice)


def test_what_was_written_down_stands_beside_pods_by_the_name_of_the_port(store):
    tree = stored(store, service(ports=[{"name": "http", "port": 80}, {"name": "dns", "port": 53, "protocol": "UDP"}]))
    slices = [
        written("192.0.2.7", "fd00::7", name="http", port=8080),
        written("192.0.2.8", ready=False, name="http", port=8080),
        written("192.0.2.9", name="dns", port=5353, protocol="UDP"),
    ]
    found = {(each.port, ":" in each.address): each.targets for each in backends(tree, [pod("a", "10.0.0.1")], slices)}
    assert found[80, False] == (("10.0.0.1", 80), ("192.0.2.7", 8080))
    assert found[80, True] == (("fd00::1", 80), ("fd00::7", 8080))
    assert found[53, False] == (("10.0.0.1", 53), ("192.0.2.9", 5353))


def test_a_headless_name_leads_to_what_was_written_down():
    tree = service("db", clusterIP="None", clusterIPs=["None"], selector=None)
    found = service_name(tree, [pod("a", "10.0.0.1")], [written("192.0.2.7", port=80), written("::1", ready=False)])
    assert [(each.addresses, each.ready) for each in found.endpoints] == [(("192.0.2.7",), True), (("::1",), False)]


def test_an_address_of_a_service_that_is_gone_is_free_again(store):
    wanted = service(clusterIP="10.96.3.4")
    store.put(wanted)
    store.remove(Ref("services", "shop", "web"))
    assert stored(store, service("other", clusterIP="10.96.3.4"))["spec"]["clusterIP"] == "10.96.3.4"
