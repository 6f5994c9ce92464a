"""Where ServiceEntries lead: another end is found, other words for the same ends are the same."""

import pytest
from tests.semantics.differences.cases.scene import gateway
from tests.support import mesh as m
from tests.support.scenes import index, pods, waypoint

from sidestep.prove.proof import Conclusion
from sidestep.prove.prover import prove

ONE, TWO = {"address": "203.0.113.1"}, {"address": "203.0.113.2"}
BOUND = {"istio.io/use-waypoint": "waypoint"}


NEAR = {"networking.istio.io/traffic-distribution": "PreferClose"}


def entry(*endpoints, name="api", labels=None, annotations=None, **spec):
    told = {
        "hosts": ["api.example.com"], "ports": [port()], "resolution": "STATIC", "location": "MESH_EXTERNAL",
        "endpoints": list(endpoints), **spec,
    }  # fmt: skip
    told = {key: value for key, value in told.items() if value not in (None, [])}
    found = m.o.istio("ServiceEntry", name, "shop", told)
    found["metadata"] |= {"labels": labels or {}, "annotations": annotations or {}}
    return found


def port(number=80, protocol="HTTP", **more):
    return {"number": number, "name": "web", "protocol": protocol, **more}


def machine(name, address, **spec):
    return m.o.istio("WorkloadEntry", name, "shop", {"address": address, "labels": {"app": "api"}, **spec})


def looked_up(*endpoints, **spec):
    return entry(*endpoints, **{"resolution": "DNS", **spec})


def rule(**policy):
    return m.o.istio("DestinationRule", "api", "shop", {"host": "api.example.com", **policy})


def routes(host, to, **more):
    route = [{"destination": {"host": to, **more}}]
    return m.o.istio("VirtualService", "api", "shop", {"hosts": [host], "http": [{"route": route}]})


WHO = {
    "sidecar": [pods("web", "sidecar")],
    "ambient": [pods("web", "ambient")],
    "waypoint": [pods("web", "ambient"), waypoint(), m.o.labelled_namespace("shop", BOUND)],
}
SELECTED = {"workloadSelector": {"labels": {"app": "api"}}}
TLS = rule(trafficPolicy={"tls": {"mode": "SIMPLE"}})
BLUE = rule(subsets=[{"name": "blue", "labels": {"colour": "blue"}}])
TO_BLUE = routes("api.example.com", "api.example.com", subset="blue")
FAULTS = {
    "another address": (entry(ONE, TWO), entry(ONE, {"address": "203.0.113.3"})),
    "one less": (entry(ONE, TWO), entry(ONE)),
    "none left": (entry(ONE), entry()),
    "weights": (entry(ONE, TWO), entry({**ONE, "weight": 9}, TWO)),
    "locality": (entry(ONE, TWO), entry({**ONE, "locality": "eu/a"}, TWO)),
    "near ones first": (entry(ONE, TWO), entry(ONE, TWO, annotations=NEAR)),
    "network": (entry(ONE), entry({**ONE, "network": "east"})),
    "a port of its own": (entry(ONE, TWO), entry({**ONE, "ports": {"web": 8443}}, TWO)),
    "target port": (entry(ONE), entry(ONE, ports=[port(targetPort=8443)])),
    "target port of a name": (looked_up(), looked_up(ports=[port(targetPort=8443)])),
    "looked up": (entry(ONE), looked_up()),
    "another name": (looked_up(), looked_up({"address": "other.example.com"})),
    "two names": (looked_up({"address": "a.example.com"}), looked_up({"address": "a.example.com"}, {"address": "b.example.com"})),
    "no longer led": (entry(ONE), entry(resolution="NONE")),
    "gone": (entry(ONE), None),
    "in the mesh": (entry({**ONE, "serviceAccount": "api"}), entry({**ONE, "serviceAccount": "api"}, location="MESH_INTERNAL")),
    "a tunnel": (entry(ONE), entry(ONE, labels={"networking.istio.io/tunnel": "http"})),
    "inside, another address": (entry(ONE, location="MESH_INTERNAL"), entry(TWO, location="MESH_INTERNAL")),
    "inside, another name": (looked_up(location="MESH_INTERNAL"), looked_up({"address": "b.example.com"}, location="MESH_INTERNAL")),
    "a machine moved": ([entry(**SELECTED), machine("a", "203.0.113.1")], [entry(**SELECTED), machine("a", "203.0.113.2")]),
    "a machine's label": ([entry(**SELECTED), machine("a", "203.0.113.1")], [entry(**SELECTED), machine("a", "203.0.113.1", labels={})]),
    "bytes": (entry(ONE, ports=[port(9000, "TCP")]), entry(TWO, ports=[port(9000, "TCP")])),
    "TLS": (entry(ONE, ports=[port(443, "TLS")]), entry(TWO, ports=[port(443, "TLS")])),
}  # fmt: skip
OF_ENVOYS = {
    "who is expected": ([entry(ONE, subjectAltNames=["a"]), TLS], [entry(ONE, subjectAltNames=["b"]), TLS]),
    "a subset's label": (
        [entry({**ONE, "labels": {"colour": "blue"}}, TWO), BLUE, TO_BLUE],
        [entry(ONE, {**TWO, "labels": {"colour": "blue"}}), BLUE, TO_BLUE],
    ),
    "a younger one's endpoint": (
        [entry(ONE), entry(TWO, name="b")], [entry(ONE), entry({"address": "203.0.113.3"}, name="b")],
    ),
}  # fmt: skip
SAME = {
    "order": (entry(ONE, TWO), entry(TWO, ONE)),
    "renamed": (entry(ONE, TWO), entry(ONE, TWO, name="other")),
    "weights said": (entry(ONE, TWO), entry({**ONE, "weight": 7}, {**TWO, "weight": 7})),
    "near ones first, of one": (entry(ONE), entry(ONE, annotations=NEAR)),
    "near ones first, of none": (entry(resolution="NONE"), entry(resolution="NONE", annotations=NEAR)),
    "port said": (entry(ONE), entry({**ONE, "ports": {"web": 80}}, ports=[port(targetPort=80)])),
    "port said otherwise": (entry({**ONE, "ports": {"web": 81}}), entry(ONE, ports=[port(targetPort=81)])),
    "addresses looked up": (entry(ONE), looked_up(ONE)),
    "outside unsaid": (entry(ONE), entry(ONE, location=None)),
    "no resolution said": (entry(resolution="NONE"), entry(resolution=None)),
    "its own name said": (looked_up(), looked_up({"address": "api.example.com"})),
    "one address of a name": (looked_up(), looked_up(resolution="DNS_ROUND_ROBIN")),
    "hosts": (entry(ONE, hosts=["api.example.com", "b.example.com"]), entry(ONE, hosts=["b.example.com", "api.example.com"])),
    "hosts apart": (
        entry(ONE, hosts=["api.example.com", "b.example.com"]),
        [entry(ONE), entry(ONE, name="b", hosts=["b.example.com"])],
    ),
    "in the mesh": (entry(ONE), entry(ONE, location="MESH_INTERNAL")),
    "a machine written out": ([entry(**SELECTED), machine("a", "203.0.113.1")], entry(ONE)),
    "labels nobody asks for": (entry(ONE), entry({**ONE, "labels": {"colour": "blue"}})),
    "names nobody asks for": (entry(ONE), entry(ONE, subjectAltNames=["a"])),
    "known, of the same name": (None, looked_up()),
    "known, its address kept": (None, entry(resolution="NONE")),
    "a wildcard known": (None, entry(resolution="NONE", hosts=["*.example.com"])),
}  # fmt: skip


def pair(who, *parts):
    """A mesh with each part in turn: an object, some, or none."""
    put = [part if isinstance(part, list) else [] if part is None else [part] for part in parts]
    return [index(*WHO[who], *each) for each in put]


def differs(before, after):
    for one, other in ((before, after), (after, before)):
        proof = prove(one, other)
        assert proof.verdict is Conclusion.DIFFERS
        assert not proof.undecided


def same(before, after):
    for one, other in ((before, after), (after, before)):
        proof = prove(one, other)
        assert [(each.request, each.changed) for each in proof.counterexamples] == []
        assert not proof.undecided


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("fault", FAULTS)
def test_another_end_is_found(who, fault):
    differs(*pair(who, *FAULTS[fault]))


@pytest.mark.parametrize("who", ["sidecar", "waypoint"])
@pytest.mark.parametrize("fault", OF_ENVOYS)
def test_what_envoys_alone_are_told_is_found_where_they_are_asked(who, fault):
    differs(*pair(who, *OF_ENVOYS[fault]))


@pytest.mark.parametrize("fault", OF_ENVOYS)
def test_and_is_nothing_to_ztunnel(fault):
    same(*pair("ambient", *OF_ENVOYS[fault]))


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("words", SAME)
def test_other_words_are_the_same(who, words):
    same(*pair(who, *SAME[words]))


TWO_OBJECTS = (entry(ONE, TWO), [entry(ONE), entry(TWO, name="b")])


def test_endpoints_of_two_objects_are_one_to_envoys_and_the_oldest_alone_counts_for_ztunnel():
    same(*pair("sidecar", *TWO_OBJECTS))
    same(*pair("waypoint", *TWO_OBJECTS))
    differs(*pair("ambient", *TWO_OBJECTS))


@pytest.mark.parametrize("who", WHO)
def test_an_address_that_is_looked_up_while_it_is_used_is_not_modelled(who):
    wild = {"hosts": ["*.example.com"]}
    told = entry(resolution="DYNAMIC_DNS", **wild)
    for before in (None, entry(resolution="NONE", **wild), told):
        for one, other in (pair(who, before, told), pair(who, told, before)):
            proof = prove(one, other)
            assert proof.verdict is Conclusion.UNDECIDED
            assert any("DYNAMIC_DNS" in each.reason for each in proof.undecided)


def test_a_route_to_an_entry_without_endpoints_leads_where_its_client_dialled():
    """Source: cluster.go (convertResolution: ORIGINAL_DST)."""
    to_it = routes("b.example.com", "api.example.com")
    known = looked_up(name="b", hosts=["b.example.com"])
    differs(*pair("sidecar", [known, entry(resolution="NONE"), to_it], [known, looked_up(), to_it]))
    same(*pair("sidecar", [known, entry(resolution="NONE"), to_it], [known, entry(resolution="NONE")]))


def test_copies_go_to_its_ends_too():
    mirrored = m.o.istio("VirtualService", "b", "shop", {"hosts": ["b.example.com"], "http": [{
        "route": [{"destination": {"host": "b.example.com"}}], "mirror": {"host": "api.example.com", "port": {"number": 80}},
    }]})  # fmt: skip
    known = looked_up(name="b", hosts=["b.example.com"])
    differs(*pair("sidecar", [known, mirrored, entry(ONE)], [known, mirrored, entry(TWO)]))
    same(*pair("sidecar", [known, mirrored, entry(ONE, TWO)], [known, mirrored, entry(TWO, ONE)]))


def through_gateway(*more):
    servers = [{"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}]
    listens = m.o.istio("Gateway", "public", "shop", {"selector": {"app": "edge"}, "servers": servers})
    route = [{"destination": {"host": "api.example.com", "port": {"number": 80}}}]
    routed = m.o.istio(
        "VirtualService", "in", "shop", {"hosts": ["in.example"], "gateways": ["public"], "http": [{"route": route}]}
    )
    return index(*gateway(), listens, routed, *more)


@pytest.mark.parametrize("fault", ["another address", "target port", "looked up", "no longer led", "weights"])
def test_gateways_lead_there_too(fault):
    differs(*(through_gateway(each) for each in FAULTS[fault]))


@pytest.mark.parametrize("words", ["order", "renamed", "port said", "addresses looked up"])
def test_other_words_are_the_same_to_gateways(words):
    same(*(through_gateway(each) for each in SAME[words]))


def test_a_gateway_was_not_dialled_by_the_address_that_an_entry_keeps():
    differs(through_gateway(entry(resolution="NONE")), through_gateway(looked_up()))
