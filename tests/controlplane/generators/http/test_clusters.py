"""What DestinationRules ask of connections, as clusters: field by field, whatever stands in them."""

import json
import random
import subprocess

import pytest
from google.protobuf.json_format import MessageToDict
from tests.support.envoy import envoy_binary

from sidestep.controlplane.generators.http.clusters import cluster
from sidestep.controlplane.generators.http.destinations import Destination, Dialler, Discovery, Speaks
from sidestep.controlplane.records import ServiceKey

NAME = "outbound|80||reviews.shop.svc.cluster.local"
WEB = Dialler("spiffe://cluster.local/ns/shop/sa/web")
REVIEWS = "spiffe://cluster.local/ns/shop/sa/reviews"


def made(settings, speaks=Speaks.HTTP1, dialler=WEB, discovery=Discovery.RECORDS, name=NAME):
    remarks = []
    key = ServiceKey("shop/reviews.shop.svc.cluster.local")
    to = Destination(name, "reviews.shop.svc.cluster.local", key, 80, speaks, settings, identities=(REVIEWS,),
                     discovery=discovery, resolved=(("a.example", 80),))  # fmt: skip
    return MessageToDict(cluster(to, dialler, remarks)), [str(each).partition(": ")[2] for each in remarks]


def sockets(found):
    """By what an endpoint takes, the kind of its connection; the rest's under `else`."""
    kinds = {
        each["match"][next(iter(each["match"]))]: each["transportSocket"] for each in found["transportSocketMatches"]
    }
    return {name: each["name"].rpartition(".")[2] for name, each in {**kinds, "else": found["transportSocket"]}.items()}


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        (None, {"http": "internal_upstream", "istio": "tls", "else": "raw_buffer"}),
        ({"mode": "DISABLE"}, {"http": "internal_upstream", "else": "raw_buffer"}),
        ({}, {"http": "internal_upstream", "else": "raw_buffer"}),
        ({"mode": "ISTIO_MUTUAL"}, {"http": "internal_upstream", "else": "tls"}),
        ({"mode": "SIMPLE"}, {"http": "internal_upstream", "else": "tls"}),
    ],
)
def test_each_kind_of_endpoint_is_reached_as_it_takes_it_and_as_the_rule_asks(tls, expected):
    found, remarks = made({} if tls is None else {"tls": tls})
    assert sockets(found) == expected
    assert not remarks


def test_a_waypoint_speaks_no_mutual_tls_of_the_mesh():
    found, _ = made({}, dialler=Dialler(WEB.identity, mutual=False))
    assert sockets(found) == {"http": "internal_upstream", "else": "raw_buffer"}


@pytest.mark.parametrize(
    ("speaks", "offered"),
    [
        (Speaks.HTTP1, ["mesh-http", "http/1.1"]),
        (Speaks.HTTP2, ["mesh-http", "h2"]),
        (Speaks.BYTES, ["mesh"]),
    ],
)
def test_the_server_must_be_one_of_the_services_and_learns_what_is_spoken(speaks, offered):
    found, _ = made({}, speaks)
    (own,) = [each for each in found["transportSocketMatches"] if each["match"] == {"tlsMode": "istio"}]
    context = own["transportSocket"]["typedConfig"]
    assert context["sni"] == "outbound_.80_._.reviews.shop.svc.cluster.local"
    common = context["commonTlsContext"]
    assert common["alpnProtocols"] == offered
    (name,) = common["combinedValidationContext"]["defaultValidationContext"]["matchTypedSubjectAltNames"]
    assert name["matcher"] == {"exact": REVIEWS}


@pytest.mark.parametrize(
    ("balanced", "policy"),
    [
        ({}, "LEAST_REQUEST"),
        ({"simple": "ROUND_ROBIN"}, None),
        ({"simple": "RANDOM"}, "RANDOM"),
        ({"simple": "PASSTHROUGH"}, "CLUSTER_PROVIDED"),
        ({"consistentHash": {"httpHeaderName": "x"}}, "RING_HASH"),
        ({"consistentHash": {"useSourceIp": True, "maglev": {"tableSize": 101}}}, "MAGLEV"),
    ],
)
def test_endpoints_are_chosen_as_the_rule_asks(balanced, policy):
    found, remarks = made({"loadBalancer": balanced})
    assert found.get("lbPolicy") == policy
    assert (found.get("type") == "ORIGINAL_DST") is (balanced.get("simple") == "PASSTHROUGH")
    assert not remarks


def test_pools_and_outliers_are_bounded_as_the_rule_asks():
    found, remarks = made({
        "connectionPool": {"tcp": {"maxConnections": 3, "connectTimeout": "30ms"},
                           "http": {"http1MaxPendingRequests": 1, "maxRequestsPerConnection": 7, "maxRetries": 2}},
        "outlierDetection": {"consecutive5xxErrors": 5, "consecutiveGatewayErrors": 0, "baseEjectionTime": "1m",
                             "maxEjectionPercent": 50},
    })  # fmt: skip
    bounds = found["circuitBreakers"]["thresholds"][0]
    assert (bounds["maxConnections"], bounds["maxPendingRequests"], bounds["maxRetries"]) == (3, 1, 2)
    assert bounds["maxRequests"] == 2**32 - 1
    assert found["connectTimeout"] == "0.030s"
    told = found["outlierDetection"]
    assert (told["consecutive5xx"], told["enforcingConsecutive5xx"]) == (5, 100)
    assert told["enforcingConsecutiveGatewayFailure"] == 0
    assert (told["baseEjectionTime"], told["maxEjectionPercent"]) == ("60s", 50)
    assert not remarks


@pytest.mark.parametrize(
    ("settings", "remark"),
    [
        ({"outlierDetection": {"interval": "soon"}}, "trafficPolicy.outlierDetection.interval: expected a time such as 1.5s, found 'soon'"),
        ({"outlierDetection": {"interval": "0s"}}, "trafficPolicy.outlierDetection.interval: expected a time of at least 1ms, found '0s'"),
        ({"outlierDetection": {"maxEjectionPercent": 101}}, "trafficPolicy.outlierDetection.maxEjectionPercent: expected a number from 0 to 100, found 101"),
        ({"connectionPool": {"tcp": {"maxConnections": "3"}}}, "trafficPolicy.connectionPool.tcp.maxConnections: expected a whole number, found a string"),
        ({"connectionPool": 7}, "trafficPolicy.connectionPool: expected an object, found a number"),
        ({"tls": {"mode": "ALWAYS"}}, "trafficPolicy.tls.mode: expected one of DISABLE, SIMPLE, MUTUAL, ISTIO_MUTUAL, found 'ALWAYS'"),
    ],
)  # fmt: skip
def test_a_field_that_cannot_be_read_is_named_and_harms_no_other(settings, remark):
    good = {"loadBalancer": {"simple": "RANDOM"}}
    found, remarks = made({**good, **settings})
    assert set(remarks) == {remark}
    assert found["lbPolicy"] == "RANDOM"


VALUES = [None, 0, 1, -1, 7, 101, 2**31, 2**32, 2**40, 1.5, True, "", "x", "0s", "1ms", "10s", "-1s", "9999999h", "RANDOM",
          [], ["a"], {}, {"a": 1}, "http/1.1", "\n"]  # fmt: skip
TREE = {
    "connectionPool": {
        "tcp": {"maxConnections": 0, "connectTimeout": 0, "maxConnectionDuration": 0,
                "tcpKeepalive": {"probes": 0, "time": 0, "interval": 0}},
        "http": {"http1MaxPendingRequests": 0, "http2MaxRequests": 0, "maxRequestsPerConnection": 0, "maxRetries": 0,
                 "idleTimeout": 0, "h2UpgradePolicy": "UPGRADE", "useClientProtocol": 0, "maxConcurrentStreams": 0},
    },
    "loadBalancer": {
        "simple": "ROUND_ROBIN", "warmup": {"duration": 0, "minimumPercent": 0}, "warmupDurationSecs": 0,
        "consistentHash": {"httpHeaderName": 0, "maglev": {"tableSize": 0}, "ringHash": {"minimumRingSize": 0},
                           "minimumRingSize": 0, "useSourceIp": 0},
    },
    "outlierDetection": {"consecutive5xxErrors": 0, "consecutiveErrors": 0, "consecutiveGatewayErrors": 0, "interval": 0,
                         "baseEjectionTime": 0, "maxEjectionPercent": 0, "minHealthPercent": 0,
                         "splitExternalLocalOriginErrors": True, "consecutiveLocalOriginFailures": 0},
    "tls": {"mode": "SIMPLE", "sni": 0, "subjectAltNames": 0, "caCertificates": 0, "credentialName": 0,
            "insecureSkipVerify": 0},
}  # fmt: skip


def anything(dice, tree):
    """Some of the fields, with values of any type."""
    if not isinstance(tree, dict) or dice.random() < 0.05:
        return dice.choice(VALUES)
    return {key: anything(dice, each) for key, each in tree.items() if dice.random() < 0.6}


@pytest.mark.real
def test_envoy_takes_whatever_becomes_of_what_stands_in_rules(tmp_path):
    dice = random.Random(20261121)  # noqa: S311
    found = []
    for number in range(400):
        name = f"outbound|80|s{number}|reviews.shop.svc.cluster.local"
        speaks, discovery = dice.choice(list(Speaks)), dice.choice(list(Discovery))
        settings = {key: anything(dice, each) for key, each in TREE.items()}
        found.append(made(settings, speaks, discovery=discovery, name=name)[0])
    found = [each for each in found if each["type"] != "ORIGINAL_DST"]  # Envoy ends when it validates any (1.40)
    assert len(found) > 200
    plane = {"name": "plane", "loadAssignment": {"clusterName": "plane"}}
    grpc = [{"envoyGrpc": {"clusterName": "plane"}}]
    config = {
        "node": {"id": "one", "cluster": "one"},
        "dynamicResources": {"adsConfig": {"apiType": "DELTA_GRPC", "transportApiVersion": "V3", "grpcServices": grpc}},
        "staticResources": {"clusters": [plane, *found]},
    }
    file = tmp_path / "envoy.json"
    file.write_text(json.dumps(config))
    command = [str(envoy_binary()), "--mode", "validate", "--config-path", str(file), "--log-level", "error"]
    told = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert told.returncode == 0, told.stderr[-2000:]


def test_weights_of_places_count_only_where_a_rule_gives_them():
    spread = {"localityLbSetting": {"distribute": [{"from": "eu/*", "to": {"eu/*": 100}}]}}
    assert "localityWeightedLbConfig" in made({"loadBalancer": spread})[0]["commonLbConfig"]
    off = {"localityLbSetting": {**spread["localityLbSetting"], "enabled": False}}
    assert "localityWeightedLbConfig" not in made({"loadBalancer": off})[0]["commonLbConfig"]
    assert (
        "localityWeightedLbConfig" not in made({"loadBalancer": spread}, discovery=Discovery.DNS)[0]["commonLbConfig"]
    )
