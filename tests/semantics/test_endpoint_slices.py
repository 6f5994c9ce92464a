"""Endpoints that somebody wrote down: what slices and the Endpoints of old say, and who is asked through them."""

import msgspec
import pytest
from tests.support import scenes as s

from sidestep.model.views.core import Endpoints, EndpointSlice
from sidestep.semantics.decisions import Proxy, Shape, Transport, Verdict
from sidestep.semantics.endpoint_slices import mirrored, named

_HOST = "db.shop.svc.cluster.local"


def _slice(*addresses: str, service: str = "db", port: int = 8080, name: str = "http", pod: str = "", **labels):
    ref = {"targetRef": {"kind": "Pod", "name": pod}} if pod else {}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "by-hand", "namespace": "shop", "labels": {"kubernetes.io/service-name": service, **labels}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [each], **ref} for each in addresses],
        "ports": [{"name": name, "port": port}],
    }  # fmt: skip


def _without_selector(**told):
    found = s.service("db", **told)
    del found["spec"]["selector"]
    return found


def _asked(client: str, server: str, *more, space: str = "shop", **told):
    """What a decision on a call of `db:80` says of the way to a server that has the address of a slice."""
    there = s.pods("db", server, space, ip="10.9.9.9")
    mesh = s.index(s.pods("web", client), there, _without_selector(), *(more or (_slice("10.9.9.9", **told),)))
    [branch] = s.ask(mesh, "web", _HOST).branches
    return branch


def test_ports_are_found_by_name_and_names_of_the_world_lead_nowhere():
    told = msgspec.convert(
        {
            "endpoints": [
                {"addresses": ["10.1.1.1"], "conditions": {"ready": False}},
                {"addresses": ["db.example.com"]},
                {"addresses": ["fd00::1"], "hostname": "db-0", "targetRef": {"kind": "Pod", "name": "db-0"}},
            ],
            "ports": [{"name": "http", "port": 8080}, {"name": "dns", "port": 53, "protocol": "UDP"}, {"port": 9}],
        },
        EndpointSlice,
    )
    first, second = named(told, [(80, "http"), (53, "dns"), (443, "https")], "shop")
    assert (first.address, first.ports, first.ready, first.pod) == ("10.1.1.1", {80: 8080}, False, None)
    assert (second.address, second.pod, second.hostname, second.ready) == ("fd00::1", ("shop", "db-0"), "db-0", True)
    assert [each.ports for each in named(told, [(5432, "")], "shop")] == [{5432: 9}, {5432: 9}]


def test_endpoints_become_a_slice_for_each_family_of_a_subset():
    old = {
        "subsets": [
            {
                "addresses": [{"ip": "10.1.1.1"}, {"ip": "fd00::1", "hostname": "one"}, {"ip": "nonsense"}],
                "notReadyAddresses": [{"ip": "10.1.1.2"}],
                "ports": [{"name": "http", "port": 8080}],
            },
            {"addresses": [{"ip": "10.1.1.3"}]},
        ]
    }
    found = list(mirrored(msgspec.convert(old, Endpoints)))
    assert [each.address_type for each in found] == ["IPv4", "IPv6", "IPv4"]
    every = [[(one.address, one.ready, one.ports) for one in named(each, [(80, "http")], "shop")] for each in found]
    assert every == [
        [("10.1.1.1", True, {80: 8080}), ("10.1.1.2", False, {80: 8080})],
        [("fd00::1", True, {80: 8080})],
        [("10.1.1.3", True, {})],
    ]


@pytest.mark.parametrize(
    ("client", "server", "space", "transport"),
    [
        ("ambient", "ambient", "shop", Transport.PLAINTEXT),  # ztunnel knows no more than the address
        ("sidecar", "ambient", "other", Transport.HBONE),  # Envoys know who takes HBONE there
        ("sidecar", "sidecar", "shop", Transport.MTLS),
        ("sidecar", "sidecar", "other", Transport.HBONE),  # istiod takes it for a stranger, who takes tunnels
        ("sidecar", "old", "other", Transport.PLAINTEXT),
        ("old", "sidecar", "other", Transport.PLAINTEXT),
        ("none", "sidecar", "shop", Transport.PLAINTEXT),
    ],
)
def test_who_knows_that_an_address_is_a_pods(client, server, space, transport):
    assert _asked(client, server, space=space).path[-1].transport is transport


def test_a_slice_that_names_the_pod_tells_ztunnel_who_it_is():
    assert _asked("ambient", "ambient", pod="db-0").path[-1].transport is Transport.HBONE


def test_the_slices_own_port_is_asked():
    assert _asked("ambient", "ambient", port=9999).path[-1].port == 9999


def test_what_a_pod_sends_to_its_own_written_address_is_captured_on_no_way():
    """ztunnel's own packets are not redirected, and it sends plaintext, as to any stranger."""
    web = s.pods("web", "ambient", ip="10.9.9.9")
    mesh = s.index(web, _without_selector(), _slice("10.9.9.9"), s.peers("STRICT"))
    [branch] = s.ask(mesh, "web", _HOST).branches
    assert (branch.verdict, branch.path[-1].proxy) == (Verdict.ALLOW, Proxy.APPLICATION)


@pytest.mark.parametrize(("declares", "shape"), [("http", Shape.FORBIDDEN), ("tcp", Shape.CLOSED)])
def test_what_a_pods_own_service_declares_is_read_there_whatever_the_written_one_says(declares, shape):
    """Its sidecar has one chain for a port."""
    pod, own = s.pods("own", "sidecar", ip="10.9.9.9"), s.service("own", protocol=declares)
    only = s.policy("only", {"from": [{"source": {"principals": ["nobody"]}}]}, app="own")
    mesh = s.index(
        s.pods("web", "sidecar"), pod, own, _without_selector(protocol="tcp"), _slice("10.9.9.9", name="tcp"), only
    )
    [branch] = s.ask(mesh, "web", _HOST).branches
    assert (branch.verdict, branch.shape) == (Verdict.DENY, shape)


def test_an_address_that_no_pod_has_is_outside():
    branch = _asked("ambient", "ambient", _slice("192.0.2.7"))
    assert (branch.verdict, branch.path[-1].at) == (Verdict.ALLOW, "192.0.2.7")


def test_nobody_answers_where_nobody_is_written_down_or_the_port_has_another_name():
    assert _asked("ambient", "ambient", _slice()).verdict is Verdict.UNREACHABLE
    assert _asked("sidecar", "ambient", _slice("10.9.9.9", name="https")).verdict is Verdict.UNREACHABLE


def test_ztunnel_takes_the_services_port_where_the_slice_has_none_of_its_name_and_where_it_names_the_pod():
    assert _asked("ambient", "ambient", _slice("10.9.9.9", name="https")).path[-1].port == 8080
    assert _asked("ambient", "ambient", pod="db-0", port=9999).path[-1].port == 8080
    assert _asked("sidecar", "ambient", pod="db-0", port=9999).path[-1].port == 9999


@pytest.mark.parametrize(("client", "verdicts"), [("ambient", ["deny", "allow"]), ("sidecar", ["deny", "allow"])])
def test_proxies_send_onward_in_the_family_of_the_address_whichever_was_dialled(client, verdicts):
    server = s.pods("db", "ambient", ip="10.9.9.9")
    server[-1]["status"]["podIPs"] = [{"ip": "10.9.9.9"}, {"ip": "fd00::9"}]
    refused = s.policy("four", {"when": [{"key": "destination.ip", "values": ["10.9.9.9"]}]}, action="DENY", app="db")
    mesh = s.index(s.pods("web", client), server, _without_selector(), _slice("10.9.9.9", "fd00::9"), refused)
    assert [each.verdict.value for each in s.ask(mesh, "web", _HOST).branches] == verdicts


def test_what_nobody_wrote_down_is_not_known_and_what_controllers_write_is_no_news():
    assert _asked("ambient", "ambient", s.service("other")).verdict is Verdict.UNKNOWN
    made = _slice("10.9.9.9", **{"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"})
    assert _asked("ambient", "ambient", made).verdict is Verdict.UNKNOWN


def test_endpoints_of_old_count_until_a_slice_was_made_of_them():
    old = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "db", "namespace": "shop"}}
    old["subsets"] = [{"addresses": [{"ip": "192.0.2.7"}], "ports": [{"name": "http", "port": 8080}]}]
    assert _asked("none", "none", old).path[-1].at == "192.0.2.7"
    assert _asked("none", "none", old, _slice("192.0.2.8")).path[-1].at == "192.0.2.8"
    old["metadata"]["annotations"] = {"control-plane.alpha.kubernetes.io/leader": "{}"}
    assert _asked("none", "none", old).verdict is Verdict.UNKNOWN


def test_a_headless_service_leads_to_pods_and_strangers_alike():
    there = s.pods("db", "ambient", ip="10.9.9.9")
    slices = _slice("10.9.9.9", "192.0.2.7")
    mesh = s.index(s.pods("web", "ambient"), there, _without_selector(headless=True), slices)
    found = s.ask(mesh, "web", _HOST, port=8080).branches
    assert [each.path[-1].transport for each in found][:1] == [Transport.HBONE]
    assert found[-1].path[-1].at == "192.0.2.7"


def test_a_stranger_stands_beside_the_pods_that_a_selector_finds():
    there = s.pods("db", "ambient", ip="10.9.9.9")
    mesh = s.index(s.pods("web", "ambient"), there, s.service("db"), _slice("192.0.2.7"))
    found = s.ask(mesh, "web", _HOST).branches
    assert [round(each.weight, 2) for each in found] == [0.5, 0.5]
