"""Messages byte by byte, written by hand from the tables of fields in ztunnel.md §2, §3.7, §3.8 and §4.1.

A key of a field is its number times eight, and 2 for what has a length, 0 for a number; from 16 on it takes two bytes.
"""

import pytest

from sidestep.controlplane.records import (
    Families,
    Locality,
    PolicyKey,
    PortMap,
    Preference,
    Scope,
    Service,
    ServiceKey,
    Tunnel,
    WaypointAddress,
    Workload,
    WorkloadUid,
)
from sidestep.controlplane.wds.authorizations import authorization_message
from sidestep.controlplane.wds.tables import AUTH, WORKLOAD, ZDS
from sidestep.controlplane.wds.workloads import service_address, workload_address
from sidestep.semantics.authorization.policy import Action
from sidestep.semantics.authorization.ztunnel import Account, Address, Authorization, Group, Match, Side
from sidestep.semantics.authorization.ztunnel import Scope as To


def _encoded(message) -> bytes:
    return message.SerializeToString(deterministic=True)


def _within(key: bytes, body: bytes) -> bytes:
    assert len(body) < 16384
    length = bytes([len(body)]) if len(body) < 128 else bytes([len(body) & 0x7F | 0x80, len(body) >> 7])
    return key + length + body


API = WorkloadUid("Kubernetes//Pod/shop/api-0")
API_HOST = ServiceKey("shop/api.shop.svc.cluster.local")


def test_a_pod_in_the_mesh():
    record = Workload(
        API,
        "api-0",
        "shop",
        ("10.9.0.2", "fd00::2"),
        node="n1",
        account="api",
        tunnel=Tunnel.HBONE,
        policies=(PolicyKey("istio-system/istio_converted_static_strict"),),
        services={API_HOST: (PortMap(80, 8080),)},
        workload_name="api",
        canonical_name="api",
        canonical_revision="v1",
        netns="/not/told",
    )
    pod = (
        b"\x0a\x05api-0"  # 1 name
        b"\x12\x04shop"  # 2 namespace
        b"\x1a\x04\x0a\x09\x00\x02"  # 3 address
        b"\x1a\x10\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02"
        b"\x28\x01"  # 5 tunnel: HBONE; 6 trust domain: the usual one
        b"\x3a\x03api"  # 7 account
        b"\x4a\x02n1"  # 9 node
        b"\x52\x03api"  # 10 canonical name
        b"\x5a\x02v1"  # 11 canonical revision
        b"\x60\x02"  # 12 type: POD
        b"\x6a\x03api"  # 13 workload's name
        b"\x82\x01\x2aistio-system/istio_converted_static_strict"  # 16 policy; 17 status: HEALTHY
        b"\x92\x01\x0aKubernetes"  # 18 cluster
        b"\xa2\x01\x1aKubernetes//Pod/shop/api-0"  # 20 uid
        b"\xb2\x01\x2a"  # 22 services: an entry of
        b"\x0a\x1fshop/api.shop.svc.cluster.local"  # 1 key
        b"\x12\x07\x0a\x05\x08\x50\x10\x90\x3f"  # 2 value: ports of 80 to 8080
    )
    assert _encoded(workload_address(record)) == _within(b"\x0a", pod)


def test_what_is_less_usual_of_a_workload():
    record = Workload(
        WorkloadUid("c1//Pod/a/b"),
        "b",
        "a",
        trust_domain="corp",
        native_tunnel=True,
        waypoint=WaypointAddress(ServiceKey("a/wp.a.svc")),
        healthy=False,
        services={ServiceKey("a/none"): ()},
        locality=Locality("r", "z", "s"),
        host_network=True,
        hostname="db.example",
    )
    body = (
        b"\x0a\x01b\x12\x01a"
        b"\x32\x04corp"  # 6 trust domain
        b"\x3a\x07default"  # 7
        b"\x42\x12\x0a\x0d\x0a\x01a\x12\x08wp.a.svc\x18\xa0\x75"  # 8 waypoint: 1 hostname{1, 2}, 3 port 15008
        b"\x60\x02\x6a\x01b"  # 12, 13
        b"\x70\x01"  # 14 native tunnel
        b"\x88\x01\x01"  # 17 UNHEALTHY
        b"\x92\x01\x02c1"  # 18
        b"\xa2\x01\x0bc1//Pod/a/b"  # 20
        b"\xaa\x01\x0adb.example"  # 21 hostname
        b"\xb2\x01\x0a\x0a\x06a/none\x12\x00"  # 22: a service of which it has no port
        b"\xc2\x01\x09\x0a\x01r\x12\x01z\x1a\x01s"  # 24 locality
        b"\xc8\x01\x01"  # 25 HOST_NETWORK
    )
    assert _encoded(workload_address(record)) == _within(b"\x0a", body)


def test_a_service():
    record = Service(
        "api",
        "shop",
        "api.shop.svc.cluster.local",
        ("10.99.0.1", "10.5.0.0/16"),
        (PortMap(80, 8080), PortMap(81, 0)),
        ("spiffe://x",),
        WaypointAddress(address="10.0.0.9"),
        (Scope.NETWORK, Scope.REGION),
        Preference.FAILOVER,
        all_endpoints=True,
        families=Families.IPV4,
        ingress_use_waypoint=True,
    )
    body = (
        b"\x0a\x03api\x12\x04shop\x1a\x1aapi.shop.svc.cluster.local"  # 1 to 3
        b"\x22\x06\x12\x04\x0a\x63\x00\x01"  # 4 addresses: 2 address
        b"\x22\x08\x12\x04\x0a\x05\x00\x00\x18\x10"  # and 3 length of a network
        b"\x2a\x05\x08\x50\x10\x90\x3f"  # 5 ports
        b"\x2a\x02\x08\x51"  # target 0: resolved by each workload
        b"\x32\x0aspiffe://x"  # 6
        b"\x3a\x0b\x12\x06\x12\x04\x0a\x00\x00\x09\x18\xa0\x75"  # 7 waypoint: 2 address, 3 port
        b"\x42\x08\x0a\x02\x06\x01\x10\x02\x18\x01"  # 8: NETWORK and REGION, packed; FAILOVER; ALLOW_ALL
        b"\x48\x01"  # 9 IPV4_ONLY
        b"\x58\x01\x60\x01"  # 11 canonical, 12 ingress
    )
    assert _encoded(service_address(record)) == _within(b"\x12", body)


def test_a_plain_service_says_nothing_of_balancing():
    body = b"\x0a\x01a\x12\x01b\x1a\x01c\x58\x01"
    assert _encoded(service_address(Service("a", "b", "c"))) == _within(b"\x12", body)


def _policy(*groups: Group, scope: To = To.WORKLOAD_SELECTOR, action: Action = Action.ALLOW) -> bytes:
    return _encoded(authorization_message(Authorization("p", "n", scope, action, groups)))


_HEAD = b"\x0a\x01p\x12\x01n\x18\x02"
"""1 name, 2 namespace, 3 scope WORKLOAD_SELECTOR; 4 action ALLOW is zero."""


@pytest.mark.parametrize(
    ("side", "fields"),
    [
        (Side(namespaces=("a", "b")), b"\x0a\x03\x0a\x01a\x0a\x03\x0a\x01b"),
        (Side(principals=("*",)), b"\x1a\x02\x22\x00"),
        (Side(principals=("pre*",)), b"\x1a\x05\x12\x03pre"),
        (Side(principals=("*end",)), b"\x1a\x05\x1a\x03end"),
        (Side(principals=("*both*",)), b"\x1a\x07\x1a\x05both*"),
        (Side(source_ips=(Address("10.0.0.7", 8),)), b"\x2a\x08\x0a\x04\x0a\x00\x00\x07\x10\x08"),
        (Side(destination_ips=(Address("10.0.0.7", 32),)), b"\x3a\x08\x0a\x04\x0a\x00\x00\x07\x10\x20"),
        (Side(ports=(80, 8080)), b"\x4a\x03\x50\x90\x3f"),
        (Side(accounts=(Account("a", "b"),)), b"\x5a\x06\x0a\x01a\x12\x01b"),
    ],
    ids=["namespaces", "present", "prefix", "suffix", "suffix first", "source", "destination", "ports", "accounts"],
)
def test_conditions_of_a_policy(side: Side, fields: bytes):
    rule = _within(b"\x2a", _within(b"\x0a", _within(b"\x12", fields)))  # 5 rules, 1 clauses, 2 matches
    assert _policy(Group(((Match(side),),))) == _HEAD + rule


def test_conditions_that_must_not_hold_have_numbers_of_their_own():
    side = Side(("a",), (Account("a", "b"),), ("c",), (Address("::1", 128),), (Address("1.2.3.4", 32),), (80,))
    fields = (
        b"\x12\x03\x0a\x01a"  # 2 not namespaces
        b"\x22\x03\x0a\x01c"  # 4 not principals
        b"\x32\x15\x0a\x10" + bytes(15) + b"\x01\x10\x80\x01"  # 6 not source
        b"\x42\x08\x0a\x04\x01\x02\x03\x04\x10\x20"  # 8 not destination
        b"\x52\x01\x50"  # 10 not ports
        b"\x62\x06\x0a\x01a\x12\x01b"  # 12 not accounts
    )
    rule = _within(b"\x2a", _within(b"\x0a", _within(b"\x12", fields)))
    assert _policy(Group(((Match(negative=side),),))) == _HEAD + rule


def test_no_rules_an_empty_rule_and_an_empty_match_are_three_things():
    assert _policy() == _HEAD
    assert _policy(Group(())) == _HEAD + b"\x2a\x00"
    assert _policy(Group(((Match(),),))) == _HEAD + b"\x2a\x04\x0a\x02\x12\x00"


def test_scope_and_action():
    assert _policy(scope=To.GLOBAL, action=Action.DENY) == b"\x0a\x01p\x12\x01n\x20\x01"
    assert _policy(scope=To.NAMESPACE) == b"\x0a\x01p\x12\x01n\x18\x01"


@pytest.mark.parametrize(
    ("message", "packet"),
    [
        (ZDS["ZdsHello"](version="V1"), "08 01"),
        (ZDS["WorkloadResponse"](ack={}), "0a 00"),
        (ZDS["WorkloadResponse"](ack={"error": "x"}), "0a 03 0a 01 78"),
        (ZDS["WorkloadRequest"](snapshot_sent={}), "1a 00"),
        (ZDS["WorkloadRequest"](**{"del": {"uid": "u1"}}), "12 04 12 02 75 31"),
        (ZDS["WorkloadRequest"](keep={"uid": "u1"}), "2a 04 0a 02 75 31"),
        (
            ZDS["WorkloadRequest"](
                add={"uid": "u1", "workload_info": {"name": "a", "namespace": "a", "service_account": "a"}}
            ),
            "0a 0f 0a 02 75 31 12 09 0a 01 61 12 01 61 1a 01 61",
        ),
    ],
    ids=["hello", "ack", "error", "snapshot", "del", "keep", "add"],
)
def test_packets_of_the_pods_socket(message, packet: str):
    assert message.SerializeToString().hex(" ") == packet


def test_a_request_for_a_certificate_and_its_answer():
    request = AUTH["IstioCertificateRequest"](csr="c", validity_duration=300)
    request.metadata["k"] = "v"
    assert _encoded(request) == b"\x0a\x01c\x18\xac\x02\x22\x0a\x0a\x08\x0a\x01k\x12\x03\x1a\x01v"
    assert _encoded(AUTH["IstioCertificateResponse"](cert_chain=["a", "b"])) == b"\x0a\x01a\x0a\x01b"


def test_a_length_of_zero_is_not_the_same_as_none():
    assert _encoded(WORKLOAD["NetworkAddress"](length=0)) == b"\x18\x00"
    assert _encoded(WORKLOAD["Workload"](capacity={"value": 0})) == b"\xda\x01\x00"
