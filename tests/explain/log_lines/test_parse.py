"""A line of each kind, cut off, garbled and fetched in different ways: what it says, or what was expected."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import log_lines as lines

from sidestep.errors import UsageError
from sidestep.explain.log_lines.line import Address, LogFormat, LogLine, PolicyRule, Reporter, UpstreamCluster, Verdict
from sidestep.explain.log_lines.parse import parse_log_line

HTTPBIN = "httpbin.shop.svc.cluster.local"


def test_a_sidecar_next_to_its_client():
    line = parse_log_line(lines.OUTBOUND)
    assert (line.format, line.reporter) == (LogFormat.ENVOY_TEXT, Reporter.SIDECAR_OUTBOUND)
    assert (line.method, line.path, line.protocol, line.authority) == ("GET", "/get?a=b", "HTTP/1.1", "httpbin:8000")
    assert (line.status, line.flags, line.details) == (200, (), "via_upstream")
    assert line.upstream == UpstreamCluster(f"outbound|8000|v1|{HTTPBIN}", "outbound", 8000, "v1", HTTPBIN)
    assert line.source.address == Address("10.244.0.26", 41616)
    assert line.dialled == Address("10.96.71.143", 8000)
    assert line.destination.address == Address("10.244.0.31", 80)
    assert (line.destination.service, line.destination.service_port) == (HTTPBIN, 8000)
    assert (line.bytes_received, line.bytes_sent, line.duration_ms) == (0, 605, 4)
    assert (line.route, line.sni, line.forwarded_for, line.unparsed) == ("default", "", (), ())
    assert line.verdict is None


def test_a_sidecar_next_to_its_app_knows_the_service_by_the_name_in_tls():
    line = parse_log_line(lines.INBOUND)
    assert line.reporter is Reporter.SIDECAR_INBOUND
    assert line.destination.address == line.dialled == Address("10.244.0.31", 80)
    assert (line.destination.service, line.destination.service_port) == (HTTPBIN, 8000)


def test_a_gateway():
    line = parse_log_line(lines.GATEWAY)
    assert line.reporter is Reporter.GATEWAY
    assert line.forwarded_for == ("203.0.113.7", "192.0.2.3")
    assert line.user_agent.endswith("(osx; chttp2)")
    assert (line.sni, line.route) == ("shop.example.com", "pay-route")


def test_a_waypoint_shows_the_pod_behind_its_tunnel():
    line = parse_log_line(lines.WAYPOINT)
    assert line.reporter is Reporter.WAYPOINT
    assert line.destination.address == Address("10.217.0.82", 9080)
    assert line.dialled == Address("10.217.5.70", 9080)
    assert line.upstream is not None
    assert (line.upstream.direction, line.upstream.subset) == ("inbound-vip", "http")


def test_a_tunnel_that_failed_tells_both_ends_and_not_who_opened_it():
    line = parse_log_line(lines.TUNNEL)
    assert line.reporter is Reporter.UNKNOWN
    assert line.told_by == ""
    assert (line.tunnel, line.destination.address) == (Address("10.244.0.17", 15008), Address("10.244.0.17", 80))
    assert line.source.address is None
    assert (line.method, line.status, line.flags) == ("", None, ("UF", "URX"))


@pytest.mark.parametrize(
    ("line", "reporter"),
    [
        (lines.STRICT, Reporter.SIDECAR_INBOUND),
        (lines.RECORDED["refused"], Reporter.SIDECAR_OUTBOUND),
        (lines.RECORDED["tcp refused"], Reporter.UNKNOWN),
        (lines.RECORDED["no route"], Reporter.UNKNOWN),
        (lines.RECORDED["no route"].replace('0 0 0 - "-"', '0 0 0 - "127.0.0.1"'), Reporter.GATEWAY),
        (lines.GATEWAY.replace("10.1.0.8:48500", "-"), Reporter.GATEWAY),
        # The client's address stands in X-Forwarded-For alone: any proxy but the first takes it from there.
        (lines.GATEWAY.replace("10.1.0.8:48500", "-").replace(":55808", ":0"), Reporter.UNKNOWN),
        (lines.OUTBOUND.replace(f"outbound|8000|v1|{HTTPBIN};", "PassthroughCluster;"), Reporter.SIDECAR_OUTBOUND),
        (lines.OUTBOUND.replace(f"outbound|8000|v1|{HTTPBIN};", "outbound_.80_._.x"), Reporter.GATEWAY),
        (lines.OUTBOUND.replace("10.244.0.26:35086", "10.244.0.99:1"), Reporter.UNKNOWN),
        (lines.INBOUND.replace("inbound|80||", "InboundPassthroughCluster"), Reporter.SIDECAR_INBOUND),
    ],
)
def test_who_wrote_it(line, reporter):
    parsed = parse_log_line(line)
    assert parsed.reporter is reporter
    assert bool(parsed.told_by) is (reporter is not Reporter.UNKNOWN)


@pytest.mark.parametrize("line", lines.RECORDED.values(), ids=list(lines.RECORDED))
def test_envoys_own_lines_leave_nothing_over(line):
    parsed = parse_log_line(line)
    assert parsed.unparsed == ()
    assert parsed.time == line[1:25]
    assert parsed.dialled is not None
    assert parsed.source.address is not None


def test_quotes_within_a_header_do_not_shift_the_fields():
    line = parse_log_line(lines.RECORDED["refused"])
    assert line.user_agent == 'odd "agent" x'
    assert line.destination.service == "refused.default.svc.cluster.local"
    assert line.transport_failure == "delayed_connect_error:_Connection_refused"


def test_the_deciding_policy_in_http_and_in_tcp():
    http, tcp, none = (parse_log_line(lines.RECORDED[k]) for k in ("denied by name", "tcp denied", "denied by none"))
    assert http.policy == PolicyRule("foo", "deny-all", 0)
    assert tcp.policy == PolicyRule("foo", "deny-tcp", 2)
    assert tcp.details == ""
    assert none.policy is None
    assert {http.verdict, tcp.verdict, none.verdict} == {Verdict.ENFORCED_DENIED}
    assert (http.status, tcp.status) == (403, None)


def test_details_alone_name_the_policy():
    line = parse_log_line("rbac_access_denied_matched_policy[ns[foo]-policy[httpbin.v1]-rule[3]]")
    assert (line.format, line.policy) == (LogFormat.RBAC, PolicyRule("foo", "httpbin.v1", 3))


def test_envoys_own_default_format_lacks_fields():
    line = parse_log_line(
        '[2025-06-02T03:23:12.736Z] "GET /a b HTTP/1.1" 503 UH 0 154 8 - "10.0.0.1" "curl" "id" "h" "-"'
    )
    assert (line.path, line.status, line.flags, line.bytes_sent) == ("/a b", 503, ("UH",), 154)
    assert (line.details, line.user_agent, line.authority, line.unparsed) == ("", "curl", "h", ())


def test_fields_after_the_last_are_left_over():
    assert parse_log_line(f"{lines.OUTBOUND} trace=17").unparsed == ("trace=17",)


def test_details_with_blanks_in_braces_are_one_field():
    old = "upstream_reset_before_response_started{connection termination}"
    line = parse_log_line(lines.OUTBOUND.replace("via_upstream", old))
    assert (line.details, line.route) == (old, "default")


@pytest.mark.parametrize(
    "length", range(len('[2025-06-02T03:23:12.736Z] "GET /get?a=b HTTP/1.1" 200'), len(lines.OUTBOUND))
)
def test_a_line_cut_off_says_what_it_still_holds(length):
    line = parse_log_line(lines.OUTBOUND[:length])
    whole = parse_log_line(lines.OUTBOUND)
    assert (line.time, line.method, line.path, line.status) == (whole.time, whole.method, whole.path, 200)
    assert line.user_agent in {"", whole.user_agent}
    assert line.request_id in {"", whole.request_id}


def test_json_says_the_same_as_text():
    line = parse_log_line(json.dumps(lines.ENVOY_JSON))
    assert (line.format, line.reporter) == (LogFormat.ENVOY_JSON, Reporter.SIDECAR_INBOUND)
    assert (line.status, line.bytes_sent, line.duration_ms) == (200, 295, 14)
    assert (line.path, line.request_id) == ("/reviews/0", "5ee694cf-f93b-4064-a677-4e6abf8a82be")
    assert line.destination.service == "reviews.books.svc.cluster.local"
    assert line.unparsed == ()


@pytest.mark.parametrize("key", lines.ENVOY_JSON)
@pytest.mark.parametrize("wrong", [None, "-", [], {"a": 1}, True, 1.5, "", 10**30])
def test_json_with_wrong_types_is_read_as_far_as_it_goes(key, wrong):
    fields = {**lines.ENVOY_JSON, key: wrong}
    line = parse_log_line(json.dumps(fields))
    assert isinstance(line, LogLine)
    if key != "path":
        assert line.path == "/reviews/0"


def test_any_telling_part_of_the_keys_will_do():
    line = parse_log_line('{"response_code_details": "no_healthy_upstream", "tenant": "a"}')
    assert line.details == "no_healthy_upstream"
    assert line.unparsed == ("tenant=a",)


def test_ztunnel_at_the_destination():
    line = parse_log_line(lines.ztunnel())
    assert (line.format, line.reporter) == (LogFormat.ZTUNNEL_TEXT, Reporter.ZTUNNEL_INBOUND)
    assert line.time == "2025-06-02T17:18:00.953004Z"
    assert (line.source.workload, line.source.namespace) == ("shell-56bd5dbdbf-gz6cq", "default")
    assert line.source.identity == "spiffe://cluster.local/ns/default/sa/shell"
    assert line.destination.address == Address("10.244.0.10", 80)
    assert line.tunnel == Address("10.244.0.10", 15008)
    assert line.destination.service == "echo.shop.svc.cluster.local"
    assert (line.bytes_sent, line.bytes_received, line.duration_ms) == (7, 9, 12)
    assert (line.error, line.verdict, line.unparsed) == ("", None, ())


def test_ztunnel_counts_bytes_as_its_own_pod_sees_them():
    client, server = (parse_log_line(lines.ztunnel(direction=each)) for each in ("outbound", "inbound"))
    assert (server.bytes_sent, server.bytes_received) == (client.bytes_received, client.bytes_sent) == (7, 9)


def test_ztunnel_on_the_way_to_a_waypoint_shows_both():
    line = parse_log_line(lines.ztunnel(direction="outbound").replace("10.244.0.10:80", "echo.shop.svc:80"))
    assert (line.tunnel, line.destination.address) == (Address("10.244.0.10", 15008), Address("echo.shop.svc", 80))


def test_ztunnel_names_the_policy_that_denies():
    told = "connection closed due to policy rejection: explicitly denied by: shop/deny-shell"
    line = parse_log_line(lines.ztunnel(told))
    assert (line.verdict, line.policy) == (Verdict.ENFORCED_DENIED, PolicyRule("shop", "deny-shell"))


def test_ztunnel_that_denies_early_tells_little():
    line = parse_log_line(lines.EARLY)
    assert line.destination.address == Address("fd00::7", 15008)
    assert line.error.endswith('error: "received corrupt message of type InvalidContentType" }')
    assert (line.tunnel, line.source.identity, line.unparsed) == (None, "", ())


def test_ztunnel_in_json():
    line = parse_log_line(json.dumps(lines.ZTUNNEL_JSON))
    assert (line.format, line.reporter) == (LogFormat.ZTUNNEL_JSON, Reporter.ZTUNNEL_INBOUND)
    assert line.policy == PolicyRule("istio-system", "istio_converted_static_strict")
    assert (line.duration_ms, line.destination.address) == (0, Address("10.244.0.10", 80))
    assert line.unparsed == ("src.cluster=east",)


def test_half_an_identity_is_none():
    whole = lines.ztunnel()
    line = parse_log_line(whole[: whole.index("/sa/shell")])
    assert line.source.identity == ""
    assert line.source.workload == "shell-56bd5dbdbf-gz6cq"
    assert line.unparsed == ('src.identity="spiffe://cluster.local/ns/default',)


def test_the_rbac_debug_log():
    decision = parse_log_line(lines.RBAC_DECISION)
    assert (decision.verdict, decision.policy) == (Verdict.ENFORCED_DENIED, PolicyRule("foo", "deny-all", 1))
    check = parse_log_line(lines.RBAC_CHECK)
    assert check.verdict is None
    assert (check.method, check.path, check.authority) == ("GET", "/ok", "echo")
    assert check.source.identity == "spiffe://cluster.local/ns/default/sa/shell"
    assert check.source.address == Address("10.0.0.9", 41328)
    assert check.destination.service == "echo.shop.svc.cluster.local"


@pytest.mark.parametrize(
    ("prefix", "kept"),
    [
        ("", ""),
        ("  ", ""),
        ("[pod/web-1/istio-proxy] ", "[pod/web-1/istio-proxy]"),
        ("web-1 istio-proxy ", "web-1 istio-proxy"),
        ("2025-06-02T03:23:12.736123456Z ", ""),
        ("2025-06-02T03:23:12.736123456+02:00 stdout F ", ""),
        ("pod/web-1 istio-proxy 2025-06-02T03:23:12Z ", "pod/web-1 istio-proxy"),
    ],
)
def test_what_tools_put_in_front_changes_nothing(prefix, kept):
    for line in (lines.OUTBOUND, lines.ztunnel("deadline"), json.dumps(lines.ENVOY_JSON)):
        plain, fetched = parse_log_line(line), parse_log_line(f"{prefix}{line}\n")
        assert fetched.logged_by == kept
        assert (fetched.time, fetched.reporter, fetched.unparsed) == (plain.time, plain.reporter, plain.unparsed)


@pytest.mark.parametrize("key", ["log", "textPayload"])
def test_the_record_of_a_collector_is_opened(key):
    assert parse_log_line(json.dumps({key: lines.OUTBOUND + "\n", "stream": "stdout"})).path == "/get?a=b"
    assert parse_log_line(json.dumps({"jsonPayload": lines.ENVOY_JSON})).path == "/reviews/0"


@pytest.mark.parametrize(
    "text",
    [
        "", " \n\t", "hello", "{", "{}", "[]", '{"a": 1}', '{"log": 7}', '{"log": {"log": "x"}}', "[2025-06-02T03:23:12.736Z]",
        '[2025-06-02T03:23:12.736Z] "GET / HTTP/1.1"', '[2025-06-02T03:23:12.736Z] "GET / HTTP/1.1" 200 1234 "-"',
        '10.0.0.1 - - [02/Jun/2025:10:00:00 +0000] "GET / HTTP/1.1" 200 12', "2025-06-02T17:18:00Z info xds connected",
        json.dumps(lines.ENVOY_JSON)[:-20],
    ],
)  # fmt: skip
def test_what_fits_nothing_says_what_was_expected(text):
    with pytest.raises(UsageError, match=r"expected.*Envoy") as caught:
        parse_log_line(text)
    assert len(caught.value.message) < 400


def test_several_lines_are_counted():
    with pytest.raises(UsageError, match="2 lines of a log: expected one"):
        parse_log_line(f"{lines.OUTBOUND}\n\n{lines.INBOUND}")


def test_json_over_several_lines_is_one():
    assert parse_log_line(json.dumps(lines.ENVOY_JSON, indent=2)).path == "/reviews/0"


@pytest.mark.parametrize("depth", [4, 300, 900, 2_000])
def test_depth_is_no_way_in(depth):
    with pytest.raises(UsageError):
        parse_log_line('{"log": ' * depth + "1" + "}" * depth)


def test_records_within_records_are_opened_so_far():
    nested = lines.OUTBOUND
    for _ in range(3):
        nested = json.dumps({"log": nested})
    assert parse_log_line(nested).path == "/get?a=b"
    with pytest.raises(UsageError):
        parse_log_line(json.dumps({"log": nested}))


SAMPLES = [
    *lines.RECORDED.values(), lines.OUTBOUND, lines.WAYPOINT, lines.ztunnel("x"), lines.EARLY, lines.RBAC_DECISION,
    lines.RBAC_CHECK, json.dumps(lines.ENVOY_JSON), json.dumps(lines.ZTUNNEL_JSON),
]  # fmt: skip


def parse_or_refuse(text):
    """Anything else that is raised fails the test."""
    with suppress(UsageError):
        assert isinstance(parse_log_line(text), LogLine)


@given(st.text())
def test_any_text_parses_or_is_refused(text):
    parse_or_refuse(text)


@given(st.sampled_from(SAMPLES), st.data())
def test_any_damage_parses_or_is_refused(line, data):
    start, end = sorted(data.draw(st.tuples(st.integers(0, len(line)), st.integers(0, len(line)))))
    parse_or_refuse(line[:start] + data.draw(st.text(max_size=8)) + line[end:])
    parse_or_refuse(line[start:end])


@given(
    st.dictionaries(
        st.sampled_from([*lines.ENVOY_JSON, *lines.ZTUNNEL_JSON, "log"]),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ),
    )
)
def test_any_json_parses_or_is_refused(fields):
    parse_or_refuse(json.dumps(fields))


@given(
    st.lists(
        st.sampled_from(
            [
                '"',
                "\\",
                "=",
                " ",
                "src.a=",
                '="',
                '" "',
                "{",
                "[",
                "ns[",
                "2025-06-02T00:00:00Z",
                '[2025-06-02T00:00:00.000Z] "',
            ]
        ),
        max_size=40,
    )
)
def test_what_the_formats_are_made_of_in_any_order(pieces):
    parse_or_refuse("".join(pieces))


@pytest.mark.parametrize(
    "piece",
    ['"', '" ', '="', 'src.a="\\', "{", "ns[", '[2025-06-02T00:00:00.000Z] "', "a|", "1:", " 2025-06-02T00:00:00Z"],
)
def test_long_garbage_is_done_with(piece):
    parse_or_refuse(f"{lines.OUTBOUND[:120]}{piece * 4_000}")
    parse_or_refuse(f"src.addr={piece * 4_000}")
