"""SID331: rules on connections, before and after, and what must stay as it is."""

import pytest
from tests.convert.rules.route_scene import (
    NOW,
    SHOP,
    SUBSETS,
    Asked,
    convert,
    entry,
    fqdn,
    route,
    service,
    to,
    version,
    vs,
)

from sidestep.convert.rewrite import ChangeKind

DATABASE = ({"name": "tcp-db", "port": 3306}, {"name": "tls-db", "port": 3307})
BASE = (service("reviews", ports=DATABASE), service("ratings", ports=DATABASE), *SHOP[2:])


def streams(**parts):
    return vs("reviews", {"hosts": ["reviews"], **parts})


def backends(found):
    total = sum(each.weight for each in found.backends)
    return [(each.host, each.weight / total) for each in found.backends]


def test_connections():
    shares = [{**to("reviews")[0], "weight": 75}, {**to("ratings")[0], "weight": 25}]
    found = convert(streams(tcp=[{"match": [{"port": 3306}], "route": shares}]), base=BASE)
    made = found.only("TCPRoute")
    assert made["apiVersion"] == "gateway.networking.k8s.io/v1"
    assert made["spec"] == {
        "parentRefs": [{"group": "", "kind": "Service", "name": "reviews", "port": 3306}],
        "rules": [
            {
                "backendRefs": [
                    {"group": "", "kind": "Service", "name": "reviews", "port": 3306, "weight": 75},
                    {"group": "", "kind": "Service", "name": "ratings", "port": 3306, "weight": 25},
                ]
            }
        ],
    }
    assert (found.losses, found.gone()) == ([], {"VirtualService shop/reviews"})
    for port in (3306, 3307):
        before, after = Asked(found.before).sidecar_tcp(port=port), Asked(found.after).waypoint_tcp(port=port)
        assert backends(before) == backends(after)
        assert backends(before) == backends(Asked(found.both).sidecar_tcp(port=port))
    assert convert(base=found.after).changes == []


def test_subsets_of_connections():
    found = convert(SUBSETS, streams(tcp=[{"route": to("reviews", subset="v2")}]), base=BASE)
    assert found.only("TCPRoute")["spec"]["rules"][0]["backendRefs"][0]["name"] == "reviews-v2"
    assert found.only("Service")["metadata"]["name"] == "reviews-v2"


def test_server_names():
    """The service's own name alone; others were passed on, which is told."""
    rule = {"match": [{"sniHosts": ["api.example.com"], "port": 443}], "route": to("other.example.com")}
    base = (*SHOP, entry("api.example.com"), entry("other.example.com"))
    found = convert(vs("api", {"hosts": ["api.example.com"], "tls": [rule]}), base=base)
    made = found.only("TLSRoute")
    assert made["spec"]["hostnames"] == ["api.example.com"]
    assert made["spec"]["parentRefs"] == [
        {"group": "networking.istio.io", "kind": "ServiceEntry", "name": "api", "port": 443}
    ]
    assert found.fields() == {"spec.tls[0].match[0].sniHosts"}
    assert [(each.rule, each.object.name) for each in found.losses] == [("SID331", "api")]
    before = Asked(found.before).index.routing
    assert before is not None


@pytest.mark.parametrize(
    ("match", "field"),
    [
        ({"sourceLabels": {"app": "client"}}, "sourceLabels"),
        ({"sourceNamespace": "shop"}, "sourceNamespace"),
        ({"destinationSubnets": ["10.0.0.0/8"]}, "destinationSubnets"),
        ({"brandNew": 1}, "brandNew"),
    ],
)
def test_what_no_route_can_say_stays(match, field):
    found = convert(streams(tcp=[{"match": [match], "route": to("ratings")}]), base=BASE)
    assert found.changes == []
    assert f"spec.tcp[0].match[0].{field}" in found.fields()


def test_another_name_than_the_service_s_stays():
    found = convert(streams(tls=[{"match": [{"sniHosts": ["a.example"]}], "route": to("ratings")}]), base=BASE)
    assert found.changes == []
    assert found.fields() == {"spec.tls[0].match[0].sniHosts"}


def test_before_istio_reads_the_kind():
    made = streams(tcp=[{"route": to("ratings")}])
    assert convert(made, base=BASE, at=NOW).made("TCPRoute")
    found = convert(made, base=BASE, at=version(30))
    assert found.changes == []
    assert found.fields() == {"spec.tcp[0]"}


def test_http_and_connections_are_one_decision():
    """Where one part must stay, all of it does: no waypoint may read both forms."""
    mixed = (service("reviews", ports=(*DATABASE, {"name": "http", "port": 80})), *BASE[1:])
    http = [{"route": to("details", port={"number": 9080})}]
    tcp = [{"route": to("ratings")}]
    found = convert(streams(http=http, tcp=tcp), base=mixed)
    assert (len(found.made("HTTPRoute")), len(found.made("TCPRoute"))) == (1, 1)
    assert [each.kind for each in found.changes].count(ChangeKind.REMOVE) == 1
    kept = convert(
        streams(http=http, tcp=[{"match": [{"destinationSubnets": ["10.0.0.0/8"]}], "route": to("ratings")}]),
        base=mixed,
    )
    assert kept.changes == []


def test_a_route_that_stands_already():
    own = route("TCPRoute", "own", {"parentRefs": [{"group": "", "kind": "Service", "name": "reviews"}], "rules": []})
    assert convert(own, streams(tcp=[{"route": to("ratings")}]), base=BASE).changes == []


def test_hosts_of_other_ports_are_left_alone():
    """An HTTP port is no business of rules on connections."""
    found = convert(vs("reviews", {"hosts": ["reviews"], "tcp": [{"route": to("ratings")}]}))
    assert found.made("TCPRoute") == []
    assert fqdn("reviews") not in str(found.losses)
