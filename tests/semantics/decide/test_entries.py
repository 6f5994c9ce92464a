"""ServiceEntries with pods behind them, as ztunnel sees them; the same by packets: tests/lab/fidelity."""

import pytest
from tests.support import scenes as s

from sidestep.semantics.decisions import Transport, Verdict


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
