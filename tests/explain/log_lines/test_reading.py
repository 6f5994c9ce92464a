"""What flags, details, errors and policies mean: every one that a proxy can write has its sentence."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import log_lines as lines

from sidestep.explain.log_lines.details import DETAILS, RESETS
from sidestep.explain.log_lines.flags import FLAGS
from sidestep.explain.log_lines.line import LogFormat, LogLine
from sidestep.explain.log_lines.meaning import find
from sidestep.explain.log_lines.parse import parse_log_line
from sidestep.explain.log_lines.reading import explain_line
from sidestep.explain.log_lines.transport import TRANSPORT
from sidestep.explain.log_lines.ztunnel_errors import ERRORS

MEANINGS = [*FLAGS.values(), *DETAILS.values(), *RESETS.values(), *(m for _, m in ERRORS), *(m for _, m in TRANSPORT)]
REJECTED = "connection closed due to policy rejection: "


def said(line):
    return {statement.about: statement for statement in explain_line(parse_log_line(line))}


def test_every_flag_of_envoy_has_a_meaning():
    known = "DC LH UH UT LR UR UF UC UO URX NR DI FI RL UAEX RLSE SI IH DPE UMSDR RFCF NFCF DT UPE NC OM DF DO UDO DR"
    assert set(FLAGS) == set(known.split())


@pytest.mark.parametrize("meaning", MEANINGS)
def test_a_meaning_is_one_sentence_and_its_causes_are_phrases(meaning):
    sentence, causes = meaning
    assert re.fullmatch(r"[A-Z\w].*[^.]\.", sentence)
    assert ". " not in sentence.removesuffix(".")
    assert all(cause and not cause.endswith(".") for cause in causes)


@pytest.mark.parametrize("table", [ERRORS, TRANSPORT])
def test_no_phrase_hides_behind_a_shorter_one(table):
    for phrase, meaning in table:
        assert phrase == phrase.lower().replace("_", " ")
        assert find(phrase, table) is meaning


# What stands in ztunnel's source, each with an argument, and a word of the sentence that it must lead to.
ZTUNNEL = {
    REJECTED + "allow policies exist, but none allowed": "no rule fits",
    REJECTED + "explicitly denied by: shop/deny": "DENY",
    REJECTED + "workload mismatch": "pod of its own",
    "connection closed due to policy change": "changed meanwhile",
    "connection closed: peer certificate revoked by CRL": "revoked",
    "connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008: deadline has elapsed": "15008",
    "connection failed: Connection refused (os error 111)": "listens",
    "connection failed: No route to host (os error 113)": "no way",
    "io error: deadline has elapsed": "in time",
    "connection tracking failed": "keep book",
    "pool draining": "stopping",
    "http2 handshake failed: connection error": "HTTP/2",
    "h2 failed: stream error received: refused stream before processing any application logic": "tunnel",
    "http status: 400 Bad Request": "its own",
    "http status: 401 Unauthorized": "policy",
    "http status: 403 Forbidden": "policy",
    "http status: 404 Not Found": "route",
    "http status: 503 Service Unavailable": "app",
    "http status: 500 Internal Server Error": "this status",
    "expected method CONNECT, got GET": "HTTP",
    "invalid CONNECT address nonsense": "cannot be read",
    "tls error: tls handshake error: Custom { kind: InvalidData, error: InvalidCertificate(UnknownIssuer) }": "CA",
    "tls error: identity verification error: peer did not present the expected SAN (a), got b": "identity",
    "tls error: identity verification error: peer did not present the expected trustdomain (a), got b": "trust domain",
    "tls handshake error: received corrupt message of type InvalidContentType": "TLS",
    "identity error: signing gRPC error (Unavailable): no connection": "certificate",
    "identity error: workload is unknown: sa.ns (pod)": "know the pod",
    "identity error: the identity is no longer needed": "went away",
    "failed to fetch information about local workload: sa.ns (pod)": "which pod",
    "unknown waypoint: no such service": "waypoint",
    "unknown network gateway: net2": "network",
    "no service or workload for hostname: a.b": "hostname",
    "no endpoints for workload: a": "endpoint",
    "no valid authority pseudo header: x": "cannot be read",
    "no valid service port in authority header: a": "port",
    "no valid target port for workload: a": "port",
    "no valid routing destination for workload: a": "nowhere",
    "no healthy upstream: 10.0.0.1:80": "no endpoint",
    "no ip addresses were resolved for workload: a": "no address",
    "requested service a:80 found, but cannot resolve port": "port",
    "requested service a found, but has no IP addresses": "no address",
    "no service for target address: 10.0.0.1:80": "no service",
    "ip addresses were resolved for workload a, but valid dns response had no A/AAAA records": "no address",
    "attempted recursive call to ourselves": "itself",
    "no gateway address: a": "no address",
    "unsupported feature: x": "does not do",
    "ip mismatch: 10.0.0.1 != 10.0.0.2": "not the pod's",
    "connection failed to drain within the timeout": "grace period",
    "connection closed due to connection drain": "stopping",
    "dns lookup: no records": "resolve",
    "dns response had no valid IP addresses": "resolve",
    "send: io error: Broken pipe (os error 32)": "closed",
    "receive: io error: Connection reset by peer (os error 104)": "reset",
    "while closing connection: io error: Transport endpoint is not connected (os error 107)": "gone",
    "receive: destination disconnected before all data was written": "server left",
    "send: client disconnected before all data was written": "client left",
}


@pytest.mark.parametrize(("error", "word"), ZTUNNEL.items())
def test_every_error_of_ztunnel_has_a_meaning(error, word):
    statement = said(lines.ztunnel(error))[error]
    assert word in statement.meaning


@pytest.mark.parametrize(
    ("error", "word"),
    [
        ("identity error: workload is unknown: coredns.kube-system (dns-1)", "know the pod"),
        ("requested service kube-dns:53 found, but cannot resolve port", "targetPort"),
        ("no endpoints for workload: revoked", "no endpoint"),
    ],
)
def test_names_within_an_error_do_not_count(error, word):
    statement = said(lines.ztunnel(error))[error]
    assert word in " ".join((statement.meaning, *statement.causes))


def test_a_status_from_behind_points_to_the_next_proxy():
    passed_on = said(lines.OUTBOUND.replace(" 200 ", " 403 "))["via_upstream"]
    assert "same request id" in passed_on.causes[0]
    assert said(lines.OUTBOUND)["via_upstream"].causes == ()


def test_an_error_from_elsewhere_is_said_to_be_unknown():
    assert "Not among the errors" in said(lines.ztunnel("the moon is full"))["the moon is full"].meaning


@pytest.mark.parametrize(
    ("recorded", "about", "word"),
    [
        ("refused", "UF", "could not connect"),
        ("refused", "delayed_connect_error:_Connection_refused", "listens"),
        ("refused", "remote_connection_failure", "Connecting"),
        ("tls to plain text", "TLS_error:|268435703:SSL_routines:OPENSSL_internal:WRONG_VERSION_NUMBER:TLS_error_end", "plain text"),
        ("no endpoints", "UH", "no endpoint"), ("no endpoints", "no_healthy_upstream", "no endpoint"),
        ("no cluster", "NC", "does not have"), ("answered", "via_upstream", "not from this proxy"),
        ("timeout", "UT", "timeout"), ("timeout", "response_timeout", "timeout"),
        ("closed", "UC", "closed"), ("closed", "connection_termination", "closed"),
        ("direct", "direct_response", "itself"), ("no route", "NR", "No route"),
        ("denied by name", "foo/deny-all", "rule 1 of its list"), ("denied by none", "matched policy none", "no rule"),
        ("tcp denied", "foo/deny-tcp", "rule 3 of its list"),
        ("tcp denied", "rbac_access_denied_matched_policy[ns[foo]-policy[deny-tcp]-rule[2]]", "refused"),
        ("tcp refused", "URX", "used up"), ("tcp ended", "no flags", "Nothing"),
        ("client left", "downstream_remote_disconnect", "client left"), ("not http", "DPE", "HTTP"),
        ("not http", "http1.codec_error", "HTTP/1"),
    ],
)  # fmt: skip
def test_what_envoy_wrote(recorded, about, word):
    assert word in said(lines.RECORDED[recorded])[about].meaning


@pytest.mark.parametrize("line", lines.RECORDED.values(), ids=list(lines.RECORDED))
def test_nothing_that_envoy_wrote_is_unknown(line):
    assert not [s for s in said(line).values() if s.meaning.startswith("Not ") or "no entry here" in s.meaning]


@pytest.mark.parametrize(
    "name", [n for n in lines.RECORDED if n not in {"denied by name", "denied by none", "tcp denied"}]
)
def test_no_policy_is_blamed_for_what_policies_did_not_do(name):
    assert not any("olicy" in s.meaning or "olicies" in s.meaning for s in said(lines.RECORDED[name]).values())


def test_plain_text_at_ztunnel_is_told():
    plain = "src.addr=10.244.0.9:58592"
    error = REJECTED + "allow policies exist, but none allowed"
    assert "plain text" in said(lines.ztunnel(error, client=plain))["src.identity"].meaning
    assert "src.identity" not in said(lines.ztunnel(error))
    assert "src.identity" not in said(lines.ztunnel(error, "outbound", plain))
    assert "src.identity" not in said(lines.ztunnel("", client=plain))


@pytest.mark.parametrize(
    "name", ["istio-system/istio_converted_static_strict", "shop/converted_peer_authentication_web"]
)
def test_strict_is_called_by_its_name(name):
    assert "PeerAuthentication STRICT" in said(lines.ztunnel(f"{REJECTED}explicitly denied by: {name}"))[name].meaning


def test_a_policy_of_a_like_name_is_not_taken_for_strict():
    error = f"{REJECTED}explicitly denied by: shop/my_converted_peer_authentication_web"
    assert "AuthorizationPolicy" in said(lines.ztunnel(error))["shop/my_converted_peer_authentication_web"].meaning


@pytest.mark.parametrize(
    ("decision", "word"),
    [
        ("enforced allowed, matched policy ns[a]-policy[b]-rule[0]", "let the request through"),
        ("shadow denied, matched policy ns[a]-policy[b]-rule[0]", "dry run"),
        ("shadow denied, matched policy istio-ext-authz-opa-ns[a]-policy[b]-rule[0]", "provider is asked"),
        ("enforced denied, matched policy istio-ext-authz-opa-ns[a]-policy[b]-rule[0]-deny-due-to-bad-CUSTOM-action", "not defined"),
    ],
)  # fmt: skip
def test_decisions_in_the_debug_log(decision, word):
    (statement,) = said(decision).values()
    assert (statement.about, word in statement.meaning) == ("a/b", True)


def test_a_refusal_by_none_is_told_from_the_debug_log_too():
    (statement,) = said("enforced denied, matched policy none").values()
    assert statement.about == "matched policy none"
    (statement,) = said("enforced denied").values()
    assert statement.meaning == "Policies refused the request at this proxy."
    (statement,) = said("shadow allowed, matched policy none").values()
    assert "decides nothing" in statement.meaning


def test_plain_text_that_strict_turned_away():
    assert "filter chain" in said(lines.STRICT)["filter_chain_not_found"].meaning


def test_unknown_flags_and_details_are_said_to_be_unknown():
    line = lines.OUTBOUND.replace(" - via_upstream", " XYZ,UF my_filter_said_no")
    assert "Not one of Envoy's flags" in said(line)["XYZ"].meaning
    assert "Not among the details" in said(line)["my_filter_said_no"].meaning


def test_a_connection_that_ended_well():
    (statement,) = said(lines.ztunnel()).values()
    assert "without an error" in statement.meaning
    assert statement.causes == ()


@given(
    st.builds(
        LogLine,
        format=st.sampled_from(LogFormat),
        flags=st.lists(st.text()).map(tuple),
        details=st.text(),
        termination=st.text(),
        transport_failure=st.text(),
        error=st.text(),
    )
)
def test_any_line_gets_at_least_one_statement(line):
    assert explain_line(line)
