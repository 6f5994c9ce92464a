"""ServiceEntries with pods behind them, as ztunnel sees them; the same by packets: tests/lab/fidelity."""

import pytest
from tests.support import scenes as s

from sidestep.semantics.decisions import Transport, Verdict
from sidestep.semantics.requests import Http


def entry(*addresses, **spec):
    told = {
        "hosts": ["db.example"], "addresses": list(addresses), "resolution": "STATIC", "location": "MESH_INTERNAL",
        "ports": [{"number": 80, "name": "http", "protocol": "HTTP", "targetPort": 8080}], **spec,
    }  # fmt: skip
    return s.m.o.istio("ServiceEntry", "db", "shop", told)


SELECTS = {"workloadSelector": {"labels": {"app": "db"}}}
NAMES = {"endpoints": [{"address": "10.9.9.9"}]}


def asked(told, *more, client="ambient", to="db.example", port=80):
    mesh = s.index(s.pods("web", client), s.pods("db", "ambient", ip="10.9.9.9"), told, *more)
    return s.ask(mesh, "web", to, port=port)


def arrived(found):
    return [(str(each.destination), each.path[-1].transport, each.path[-1].port) for each in found.branches]


@pytest.mark.parametrize("location", ["MESH_INTERNAL", "MESH_EXTERNAL"])
def test_ztunnel_sends_hbone_to_pods_that_are_selected_and_plaintext_to_those_that_are_named(location):
    assert arrived(asked(entry(location=location, **SELECTS))) == [("Deployment shop/db", Transport.HBONE, 8080)]
    assert arrived(asked(entry(location=location, **NAMES))) == [("Deployment shop/db", Transport.PLAINTEXT, 8080)]


def test_so_strict_refuses_them_where_they_are_named():
    assert asked(entry(**SELECTS), s.peers("STRICT")).verdict is Verdict.ALLOW
    assert asked(entry(**NAMES), s.peers("STRICT")).verdict is Verdict.DENY


def test_an_endpoint_may_have_a_port_of_its_own():
    own = {"endpoints": [{"address": "10.9.9.9", "ports": {"http": 9090}}]}
    assert arrived(asked(entry(**own)))[0][2] == 9090
    assert arrived(asked(entry(ports=[{"number": 81, "name": "http"}], **NAMES), port=81))[0][2] == 81


def test_endpoints_that_no_pod_has_are_outside():
    others = {"endpoints": [{"address": "203.0.113.9"}, {"address": "10.9.9.9"}, {"address": "unix:///run/x"}]}
    found = asked(entry(**others))
    assert [each.destination is None for each in found.branches] == [True, False]
    assert {each.verdict for each in found.branches} == {Verdict.ALLOW}


def test_an_address_belongs_to_the_entry_with_the_narrowest_network():
    wide = entry("198.51.100.0/24", "2001:db8::/32", "nonsense/8", **SELECTS)
    other = s.m.o.istio("ServiceEntry", "near", "shop", {**entry("198.51.100.16/28")["spec"], "hosts": ["near.example"], **NAMES})  # fmt: skip
    assert arrived(asked(wide, other, to="198.51.100.5"))[0][1] is Transport.HBONE
    assert arrived(asked(wide, other, to="2001:db8::5"))[0][1] is Transport.HBONE
    assert arrived(asked(wide, other, to="198.51.100.17"))[0][1] is Transport.PLAINTEXT
    assert asked(wide, other, to="198.51.101.1").branches[0].destination is None
    assert asked(wide, other, to="198.51.100.5", port=81).verdict is Verdict.UNREACHABLE


@pytest.mark.parametrize("spec", [{"resolution": "DNS"}, {"resolution": "NONE"}])
def test_what_sidecars_look_up_or_dial_themselves_leads_out(spec):
    found = asked(entry("240.240.7.7", location="MESH_EXTERNAL", **spec, **NAMES), client="sidecar")
    assert found.branches[0].destination is None


@pytest.mark.parametrize(("server", "transport"), [("sidecar", Transport.HBONE), ("old", Transport.PLAINTEXT)])
def test_a_sidecar_finds_only_whoever_takes_hbone_by_an_address_that_an_entry_names(server, transport):
    mesh = s.index(s.pods("web", "sidecar"), s.pods("db", server, ip="10.9.9.9"), entry(**NAMES))
    assert arrived(s.ask(mesh, "web", "db.example"))[0][1] is transport


@pytest.mark.parametrize("location", ["MESH_INTERNAL", "MESH_EXTERNAL"])
@pytest.mark.parametrize("behind", [SELECTS, NAMES], ids=["selected", "named"])
@pytest.mark.parametrize(("mode", "transport"), [("ambient", "HBONE"), ("sidecar", "HBONE"), ("old", "PLAINTEXT"), ("none", "PLAINTEXT")])  # fmt: skip
def test_sidecars_know_of_an_address_whether_it_takes_a_tunnel_and_prove_themselves_to_who_is_selected_in_the_mesh(
    location, behind, mode, transport
):
    """Source: pilot/pkg/xds/endpoints/endpoint_builder.go, networking/core/cluster_tls.go (no mutual TLS to what is external)."""
    mesh = s.index(s.pods("web", "sidecar"), s.pods("db", mode, ip="10.9.9.9"), entry(location=location, **behind))
    if behind is SELECTS and location == "MESH_INTERNAL" and mode in ("sidecar", "old"):
        transport = "MTLS"
    assert arrived(s.ask(mesh, "web", "db.example"))[0][1] is Transport[transport]


def ends(found):
    return [(each.path[-1].at, each.path[-1].port, round(each.weight, 3)) for each in found.branches]


OUTSIDE = {
    "location": "MESH_EXTERNAL",
    "endpoints": [{"address": "203.0.113.1", "weight": 3}, {"address": "203.0.113.2"}],
}
LOOKED_UP = {"location": "MESH_EXTERNAL", "resolution": "DNS"}
KEPT = {"location": "MESH_EXTERNAL", "resolution": "NONE"}
WHO = ("sidecar", "ambient")


@pytest.mark.parametrize("client", WHO)
def test_each_endpoint_gets_its_share(client):
    both = [("203.0.113.1", 8080, 0.75), ("203.0.113.2", 8080, 0.25)]
    assert ends(asked(entry(**OUTSIDE), client=client)) == both


@pytest.mark.parametrize("client", WHO)
@pytest.mark.parametrize("location", ["MESH_INTERNAL", "MESH_EXTERNAL"])
def test_without_endpoints_its_own_host_is_looked_up(client, location):
    found = asked(entry(**{**LOOKED_UP, "location": location}), client=client)
    assert ends(found) == [("db.example", 8080, 1.0)]


def test_of_one_address_for_all_only_the_first_endpoint_counts():
    names = {"endpoints": [{"address": "a.example"}, {"address": "b.example"}]}
    assert ends(asked(entry(**{**LOOKED_UP, **names, "resolution": "DNS_ROUND_ROBIN"}))) == [("a.example", 8080, 1.0)]


@pytest.mark.parametrize(("client", "port"), [("sidecar", 8080), ("ambient", 80)])
def test_who_keeps_the_address_that_was_dialled_changes_its_port_if_it_is_an_envoy(client, port):
    """Source: cluster_builder.go (PassthroughTargetPorts); ztunnel's src/state.rs (OriginalDestination)."""
    assert ends(asked(entry(**KEPT), client=client)) == [("db.example", port, 1.0)]


def test_an_envoy_keeps_what_was_dialled_whatever_the_host_header_says():
    mesh = s.index(s.pods("web", "sidecar"), entry(**KEPT))
    found = s.ask(mesh, "web", "elsewhere.example", Http(authority="db.example"))
    assert ends(found) == [("elsewhere.example", 8080, 1.0)]
    mesh = s.index(s.pods("web", "sidecar"), entry(**LOOKED_UP))
    found = s.ask(mesh, "web", "elsewhere.example", Http(authority="db.example"))
    assert ends(found) == [("db.example", 8080, 1.0)]


@pytest.mark.parametrize("spec", [OUTSIDE, {**OUTSIDE, "location": "MESH_INTERNAL"}, LOOKED_UP, KEPT])
def test_who_has_no_proxy_looks_the_name_up_itself(spec):
    assert ends(asked(entry(**spec), client="none")) == [("db.example", 80, 1.0)]


@pytest.mark.parametrize("client", WHO)
def test_without_any_endpoint_nobody_is_there(client):
    assert asked(entry(location="MESH_EXTERNAL"), client=client).verdict is Verdict.UNREACHABLE


@pytest.mark.parametrize("client", WHO)
def test_machines_that_it_selects_are_its_endpoints(client):
    machine = s.m.o.istio("WorkloadEntry", "vm", "shop", {"address": "203.0.113.7", "labels": {"app": "vm"}})
    other = s.m.o.istio("WorkloadEntry", "vm", "far", {"address": "203.0.113.8", "labels": {"app": "vm"}})
    selects = {"workloadSelector": {"labels": {"app": "vm"}}}
    for location in ("MESH_INTERNAL", "MESH_EXTERNAL"):
        found = asked(entry(location=location, **selects), machine, other, client=client)
        assert ends(found) == [("203.0.113.7", 8080, 1.0)]


@pytest.mark.parametrize("client", WHO)
def test_nothing_is_said_of_names_that_are_looked_up_while_they_are_used(client):
    told = entry(hosts=["*.example"], resolution="DYNAMIC_DNS", location="MESH_EXTERNAL")
    found = asked(told, client=client, to="any.example")
    assert found.verdict is Verdict.UNKNOWN
    assert "DYNAMIC_DNS" in found.unknowns[0].reason
    assert asked(told, client="none", to="any.example").verdict is Verdict.ALLOW


@pytest.mark.parametrize("client", WHO)
def test_below_a_wildcard_the_name_that_was_dialled_is_where_it_ends(client):
    told = entry(**KEPT, hosts=["*.example"], ports=[{"number": 80, "name": "http", "protocol": "HTTP"}])
    assert ends(asked(told, client=client, to="any.example")) == [("any.example", 80, 1.0)]
    assert ends(asked(told, client=client, to="any.example", port=81)) == [("any.example", 81, 1.0)]


def test_ztunnel_does_not_know_a_wildcard_without_an_address_and_a_sidecar_routes_by_its_name():
    told = entry(**OUTSIDE, hosts=["*.example"])
    assert ends(asked(told, to="any.example")) == [("any.example", 80, 1.0)]
    assert ends(asked(told, to="any.example", client="sidecar"))[0] == ("203.0.113.1", 8080, 0.75)
