"""Whether policies at the pods let a waypoint in."""

from tests.support.mesh import mesh, o

from sidestep.model.kinds import AUTHORIZATION_POLICY, SERVICE
from sidestep.semantics.authorization.parse import parse_policy
from sidestep.semantics.waypoint_admission import WaypointPeer, refusal, target_ports

PEER = WaypointPeer("shop", "waypoint", ("cluster.local",), sure=True)


def refused(*specs, peer=PEER, ports=(8080,)):
    made = [o.istio("AuthorizationPolicy", f"p{index}", "shop", spec) for index, spec in enumerate(specs)]
    return refusal([parse_policy(each) for each in mesh(*made).of(AUTHORIZATION_POLICY)], peer, ports)


def by(action="ALLOW", to=(), **source):
    return {"action": action, "rules": [{"from": [{"source": source}], **({"to": list(to)} if to else {})}]}


def test_no_policies_or_ports_refuse_nobody():
    assert refused() is None
    assert refused({}, ports=()) is None


def test_default_deny_and_lists_of_clients():
    assert "no rule of AuthorizationPolicy shop/p0 admits it" in refused({})
    assert refused(by(namespaces=["front"])) is not None
    assert refused({}, by(namespaces=["shop"])) is None


def test_trust_domains_are_taken_from_policies_only_where_nothing_else_is_known():
    other = by(principals=["other/ns/shop/sa/waypoint"])
    assert refused(other) is not None
    assert refused(other, peer=WaypointPeer("shop", "waypoint", ("cluster.local",), sure=False)) is None


def test_ports_are_those_of_the_pods():
    only = by(namespaces=["shop"], to=[{"operation": {"ports": ["8080"]}}])
    assert refused(only, ports=(8080,)) is None
    assert refused(only, ports=(80,)) is not None
    assert refused(only, ports=(80, 8080)) is None, "one open port is enough"


def test_addresses_cannot_be_told():
    assert refused(by(ipBlocks=["10.0.0.0/8"])) is None


def test_target_ports():
    made = o.service("cart", "shop")
    made["spec"]["ports"] = [{"port": 80, "targetPort": 8080}, {"port": 81}, {"port": 82, "targetPort": "gone"},
                             {"port": 53, "protocol": "UDP"}]  # fmt: skip
    (service,) = mesh(made).of(SERVICE)
    assert target_ports(service, None) == (8080, 81)
