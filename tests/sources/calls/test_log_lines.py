"""Lines of real proxies, and lines of none."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidestep.sources.calls.log_lines import Call, Malformed, NotACall, Party, read_line

WHEN = 1_712_849_922.182
OUTBOUND = (
    '[2024-04-11T15:38:42.182Z] "GET /details/0 HTTP/1.1" 200 - via_upstream - "-" 5 178 2 2 "-" "curl/8.4" '
    '"e1c2" "details:9080" "10.244.0.11:9080" outbound|9080||details.default.svc.cluster.local 10.244.0.12:38042 '
    "10.96.0.7:9080 10.244.0.12:55072 - default"
)
INBOUND = (
    '[2024-04-11T15:38:42.182Z] "GET /details/0 HTTP/1.1" 200 - via_upstream - "-" 5 178 1 1 "-" "curl/8.4" '
    '"e1c2" "details:9080" "10.244.0.11:9080" inbound|9080|| 127.0.0.6:41000 10.244.0.11:9080 10.244.0.12:38042 '
    "outbound_.9080_._.details.default.svc.cluster.local default"
)
WAYPOINT = (
    '[2024-04-11T15:38:42.182Z] "GET / HTTP/1.1" 200 - via_upstream - "-" 0 1 2 2 "-" "curl" "x" "reviews:9080" '
    '"envoy://connect_originate/10.244.0.9:9080" inbound-vip|9080|http|reviews.default.svc.cluster.local '
    "envoy://internal_client_address/ 10.96.0.8:9080 10.244.0.12:40000 - default"
)
TCP = (
    '[2024-04-11T15:38:42.182Z] "- - -" 0 - - - "-" 300 700 12 - "-" "-" "-" "-" "10.244.0.5:6379" '
    "outbound|6379||redis.default.svc.cluster.local 10.244.0.12:38042 10.96.0.9:6379 10.244.0.12:55072 - -"
)
ZTUNNEL = (
    '2024-04-11T15:38:42.182000Z\tinfo\taccess\tconnection complete\tsrc.addr=10.244.0.24:46238 src.workload="shell-x" '
    'src.namespace="default" src.identity="spiffe://cluster.local/ns/default/sa/shell" dst.addr=10.244.0.42:15008 '
    'dst.hbone_addr=10.96.108.116:80 dst.service="echo.default.svc.cluster.local" dst.workload="echo-y" '
    'dst.namespace="default" direction="outbound" bytes_sent=67 bytes_recv=490 duration="13ms"'
)
README = ZTUNNEL.replace("\tinfo\taccess\t", "  INFO access: ").replace("complete\t", "complete ")
ENVOY_JSON = {
    "start_time": "2024-04-11T15:38:42.182Z", "method": "GET", "path": "/", "protocol": "HTTP/1.1", "response_code": 200,
    "bytes_received": 5, "bytes_sent": 178, "upstream_host": "10.244.0.11:9080", "authority": "details:9080",
    "upstream_cluster": "outbound|9080||details.default.svc.cluster.local", "upstream_local_address": "10.244.0.12:38042",
    "downstream_local_address": "10.96.0.7:9080", "downstream_remote_address": "10.244.0.12:55072",
    "requested_server_name": None, "route_name": "default",
}  # fmt: skip
ZTUNNEL_JSON = {
    "level": "info", "time": "2024-04-11T15:38:42.182000Z", "scope": "access", "message": "connection complete",
    "src.addr": "10.244.0.24:46238", "src.workload": "shell-x", "src.namespace": "default",
    "src.identity": "spiffe://cluster.local/ns/default/sa/shell", "dst.addr": "10.244.0.42:15008",
    "dst.service": "echo.default.svc.cluster.local", "dst.workload": "echo-y", "dst.namespace": "default",
    "direction": "outbound", "bytes_sent": 67, "bytes_recv": 490, "duration": "13ms",
}  # fmt: skip
DETAILS = "details.default.svc.cluster.local"
PODS = (
    Party("default", "shell-x", "10.244.0.24", "spiffe://cluster.local/ns/default/sa/shell"),
    Party("default", "echo-y", "10.244.0.42"),
)


def at(address: str) -> Party:
    return Party(address=address)


OUT = Call(WHEN, "source", at("10.244.0.12"), at("10.244.0.11"), DETAILS, "http", 183)
ZT = Call(WHEN, "source", *PODS, "echo.default.svc.cluster.local", "tcp", 557)


@pytest.mark.parametrize(
    ("line", "call"),
    [
        (OUTBOUND, OUT),
        (json.dumps(ENVOY_JSON), OUT),
        (INBOUND, Call(WHEN, "destination", at("10.244.0.12"), at("10.244.0.11"), DETAILS, "http", 183)),
        (
            WAYPOINT,
            Call(WHEN, "waypoint", at("10.244.0.12"), at("10.244.0.9"), "reviews.default.svc.cluster.local", "http", 1),
        ),
        (
            TCP,
            Call(WHEN, "source", at("10.244.0.12"), at("10.244.0.5"), "redis.default.svc.cluster.local", "tcp", 1000),
        ),
        (ZTUNNEL, ZT),
        (README, ZT),
        (json.dumps(ZTUNNEL_JSON), ZT),
        (ZTUNNEL.replace("outbound", "inbound"), Call(WHEN, "destination", *PODS, ZT.host, "tcp", 557)),
    ],
)
def test_a_line_tells_who_called_whom(line, call):
    assert read_line(line) == call


@pytest.mark.parametrize(
    "wrap",
    [
        lambda line: f"[pod/web-1/istio-proxy] {line}",
        lambda line: f"2024-04-11T15:38:43.000000001Z stdout F {line}",
        lambda line: f"2024-04-11T15:38:43.000000001Z {line}",
        lambda line: json.dumps({"log": line + "\n", "stream": "stdout", "kubernetes": {"pod_name": "web-1"}}),
        lambda line: f"  {line}\r\n",
    ],
)
@pytest.mark.parametrize("line", [OUTBOUND, ZTUNNEL, json.dumps(ENVOY_JSON)])
def test_what_others_put_around_a_line_does_not_matter(wrap, line):
    assert read_line(wrap(line)) == read_line(line)


def test_a_gateway_calls_from_its_own_address_and_not_from_its_clients():
    line = OUTBOUND.replace("10.244.0.12:55072", "203.0.113.9:55072")
    assert read_line(line).source == at("10.244.0.12")


def test_words_of_the_client_may_hold_quotes():
    line = OUTBOUND.replace("curl/8.4", 'cu"rl" 8 9 ["x"]').replace("/details/0", '/a"b c')
    assert read_line(line) == OUT


def test_addresses_of_both_kinds():
    assert read_line(OUTBOUND.replace('"10.244.0.11:9080"', '"[fd00::b]:9080"')).target == at("fd00::b")
    assert read_line(OUTBOUND.replace('"10.244.0.11:9080"', '"-"')).target == at("")


def test_what_was_dialled_by_address():
    line = OUTBOUND.replace(f"outbound|9080||{DETAILS}", "PassthroughCluster")
    assert (read_line(line).host, read_line(line).teller) == ("PassthroughCluster", "source")
    line = INBOUND.replace("inbound|9080||", "InboundPassthroughCluster")
    assert (read_line(line).teller, read_line(line).target) == ("destination", at("10.244.0.11"))


@pytest.mark.parametrize(
    "line",
    [
        "",
        OUTBOUND.replace(f"outbound|9080||{DETAILS}", "BlackHoleCluster"),
        OUTBOUND.replace(f"outbound|9080||{DETAILS}", "-"),
        "2024-04-11T15:38:42.182000Z\tinfo\txdsproxy\tconnected to upstream XDS server: istiod:15012",
        ZTUNNEL.replace("complete", "opened"),
        json.dumps({**ZTUNNEL_JSON, "message": "connection opened"}),
        json.dumps({"level": "info", "time": "x", "scope": "ads", "msg": "hello"}),
    ],
)
def test_a_line_that_tells_of_no_call(line):
    assert read_line(line) == NotACall()


@pytest.mark.parametrize(
    "line",
    [
        "hello",
        OUTBOUND[:120],
        OUTBOUND.replace("outbound|", "sideways|"),
        ZTUNNEL.replace('direction="outbound"', ""),
        "{",
        "{}",
        "[1, 2]",
        '{"upstream_cluster": "outbound"}',
        '127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 2326',
        "a" * 60_000,
        '[2024-04-11T15:38:42.182Z] "' + '" 1 1 1 ' * 8_000,
        "2024-04-11T15:38:42Z info access connection complete " + "a." * 30_000,
        '{"kubernetes": {}, "log": "{"}',
    ],
)
def test_a_line_that_is_none_of_a_proxys(line):
    assert read_line(line) == Malformed()


LINES = st.sampled_from(
    [OUTBOUND, INBOUND, WAYPOINT, TCP, ZTUNNEL, README, json.dumps(ENVOY_JSON), json.dumps(ZTUNNEL_JSON)]
)


@given(LINES, st.integers(0, 600), st.integers(0, 600), st.text(max_size=8))
def test_a_damaged_line_is_no_accident(line, start, end, text):
    read_line(line[:start] + text + line[end:])


@given(st.dictionaries(st.sampled_from(sorted({**ENVOY_JSON, **ZTUNNEL_JSON, "log": 1, "kubernetes": 1})),
       st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([1])))  # fmt: skip
def test_json_of_any_form_is_no_accident(tree):
    assert isinstance(read_line(json.dumps(tree)), Call | NotACall | Malformed)
