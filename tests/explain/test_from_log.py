"""From a line of a log to the same request of the mesh, and what comes of comparing the two."""

import json

import pytest
from tests.support import log_lines as lines
from tests.support.scenes import index, pods, policy, service

from sidestep.explain.agreement import Agreement, Said, said
from sidestep.explain.answer import TODAY, State
from sidestep.explain.from_log import NotAsked, from_log
from sidestep.explain.log_answer import explain_log
from sidestep.explain.log_lines.parse import parse_log_line
from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.requests import GatewayClient, Http, OutsideClient, Tcp, WorkloadClient

HTTPBIN = "httpbin.shop.svc.cluster.local"


def scene(*more, mode="sidecar"):
    return index(
        pods("shell", mode, space="default", ip="10.244.0.26"),
        pods("httpbin", mode, ip="10.244.0.31", ports=(80,)),
        service("httpbin", port=8000, target=80, vip="10.96.71.143"),
        pods("echo", mode, ip="10.244.0.10", ports=(80,)),
        service("echo", port=80, target=80, protocol="tcp", vip="10.96.71.9"),
        pods("edge", "gateway", space="istio-system", ip="10.1.0.8"),
        service("pay", port=80, target=9000),
        pods("pay", mode, ip="10.1.0.16", ports=(9000,)),
        *more,
    )


def asked(text, mesh=None):
    return from_log(mesh or scene(), parse_log_line(text))


@pytest.mark.parametrize("text", [lines.OUTBOUND, lines.INBOUND])
def test_a_sidecars_line_names_both_ends_by_address_and_service(text):
    found = asked(text)
    assert found.request.client == WorkloadClient(WorkloadRef("default", "Deployment", "shell"))
    assert (found.request.to, found.request.port) == (HTTPBIN, 8000)
    assert isinstance(found.request.payload, Http)
    assert (found.request.payload.method, found.request.payload.path) == ("GET", "/get?a=b")
    assert found.request.payload.authority == "httpbin:8000"
    assert any("token" in note for note in found.notes)


def test_a_ztunnels_line_names_them_and_is_bytes():
    found = asked(lines.ztunnel())
    assert found.request.client.ref.name == "shell"
    assert found.request.to == "echo.shop.svc.cluster.local"
    assert isinstance(found.request.payload, Tcp)


def test_what_ztunnel_cannot_see_of_http_is_said():
    mesh = index(pods("shell", "ambient", space="default"), pods("echo", "ambient"), service("echo", target=80))
    found = asked(lines.ztunnel(), mesh)
    assert found.request.payload == Http()
    assert any("GET / stands for" in note for note in found.notes)


def test_a_gateways_line_is_what_it_sent_on():
    found = asked(lines.GATEWAY)
    assert found.request.client == GatewayClient("istio-system", "edge")
    assert (found.request.to, found.request.port) == ("pay.shop.svc.cluster.local", 80)


def test_an_address_of_nobody_is_somebody_outside():
    found = asked(lines.INBOUND.replace("10.244.0.26:35086", "203.0.113.9:35086"))
    assert found.request.client == OutsideClient("203.0.113.9")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (lines.STRICT, "does not tell what was dialled|not in the mesh"),
        (lines.RECORDED["tcp refused"].replace("refused.default", "absent.default"), "absent.default|client"),
        ("rbac_access_denied_matched_policy[ns[foo]-policy[httpbin.v1]-rule[3]]", "client"),
        (lines.GATEWAY.replace("10.1.0.8:", "10.9.9.9:"), "client"),
    ],
)
def test_a_line_that_does_not_name_both_ends_is_not_asked(text, told):
    found = asked(text)
    assert isinstance(found, NotAsked)
    assert any(word in found.reason for word in told.split("|"))


def test_without_addresses_nobody_is_taken_for_an_outsider():
    mesh = index(service("httpbin", port=8000))
    assert isinstance(asked(lines.INBOUND, mesh), NotAsked)


DENIED = lines.INBOUND.replace(
    "200 - via_upstream", "403 - rbac_access_denied_matched_policy[ns[shop]-policy[shut]-rule[0]]"
)
DENY = policy("shut", {"to": [{"operation": {"methods": ["GET"]}}]}, app="httpbin", action="DENY")


@pytest.mark.parametrize(
    ("text", "more", "agreement", "told"),
    [
        (lines.OUTBOUND, (), Agreement.AGREES, "let through"),
        (DENIED, (DENY,), Agreement.AGREES, "both refuse it"),
        (DENIED, (), Agreement.CONTRADICTS, "would allow this; the line says RBAC denied by shop/shut"),
        (lines.INBOUND, (DENY,), Agreement.CONTRADICTS, "the line says let through"),
        (lines.OUTBOUND.replace("200 - via", "503 UF via"), (), Agreement.UNEXPLAINED, "no policy or route explains"),
        (lines.OUTBOUND.replace("200 - via", "403 - via"), (DENY,), Agreement.AGREES, "behind this one"),
        (lines.OUTBOUND.replace("200 - via", "403 - via"), (), Agreement.UNEXPLAINED, "the application itself"),
    ],
)  # fmt: skip
def test_agreement(text, more, agreement, told):
    found = explain_log(parse_log_line(text), [State(TODAY, scene(*more))])
    assert found.comparison.agreement is agreement
    assert told.lower() in found.comparison.text.lower()
    assert found.comparison.text.endswith(".")
    assert found.explanation is not None
    assert found.statements


def test_another_policy_than_the_lines_is_said():
    text = DENIED.replace("policy[shut]", "policy[other]")
    found = explain_log(parse_log_line(text), [State(TODAY, scene(DENY))])
    assert "names shop/other and the mesh as read AuthorizationPolicy shop/shut" in found.comparison.text


def test_a_proxy_that_is_not_on_the_way_is_of_another_state():
    found = explain_log(parse_log_line(lines.ztunnel()), [State(TODAY, scene())])
    assert "A ztunnel wrote the line, and in the mesh as read none is on the way" in found.comparison.text
    ambient = explain_log(parse_log_line(lines.ztunnel()), [State(TODAY, scene(mode="ambient"))])
    assert "another state" not in ambient.comparison.text
    assert ambient.comparison.agreement is Agreement.AGREES


def test_without_a_mesh_the_line_is_explained_alone():
    found = explain_log(parse_log_line(lines.OUTBOUND), (), "no cluster")
    assert found.comparison.agreement is Agreement.NOT_ASKED
    assert found.comparison.text == "No cluster."
    assert found.explanation is None
    assert found.line.request.startswith("10.244.0.26:41616 sends GET /get?a=b to httpbin.shop")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (lines.OUTBOUND, Said.ARRIVED),
        (lines.ztunnel(), Said.ARRIVED),
        (
            lines.ztunnel("connection closed due to policy rejection: allow policies exist, but none allowed"),
            Said.DENIED,
        ),
        (lines.ztunnel("connection failed: deadline has elapsed"), Said.FAILED),
        (lines.RECORDED["no endpoints"], Said.FAILED),
        (lines.RECORDED["denied by none"], Said.DENIED),
        (lines.RECORDED["tcp denied"], Said.DENIED),
        (lines.RECORDED["tcp ended"], Said.ARRIVED),
        (lines.RBAC_DECISION, Said.DENIED),
        (lines.RBAC_CHECK, Said.UNCLEAR),
        (json.dumps(lines.ENVOY_JSON), Said.ARRIVED),
        (json.dumps(lines.ZTUNNEL_JSON), Said.DENIED),
    ],
)
def test_what_a_line_says_became_of_it(text, expected):
    assert said(parse_log_line(text)) is expected


@pytest.mark.parametrize(
    "text", [*lines.RECORDED.values(), lines.TUNNEL, lines.STRICT, lines.WAYPOINT, lines.EARLY, lines.RBAC_CHECK]
)
def test_every_recorded_line_gets_an_answer(text):
    assert explain_log(parse_log_line(text), [State(TODAY, scene())]).comparison.text


@pytest.mark.parametrize(
    ("mesh", "text", "told"),
    [
        (index(service("httpbin", port=8000)), lines.INBOUND, "by address alone (10.244.0.26), and no pods were read"),
        (index(service("echo")), lines.ztunnel(), "the client, default/shell-56bd5dbdbf-gz6cq, is not"),
        (scene(), "rbac_access_denied_matched_policy[ns[foo]-policy[x]-rule[3]]", "does not tell its client"),
        (scene(), lines.GATEWAY.replace("10.1.0.8:", "10.9.9.9:"), "from a gateway"),
    ],
)
def test_why_it_was_not_asked_and_what_to_do(mesh, text, told):
    reason = from_log(mesh, parse_log_line(text)).reason
    assert told in reason
    assert reason.endswith("ask it yourself with --client and --to")


@pytest.mark.parametrize("target", [8080, "p8080"])
def test_the_pods_port_leads_to_the_services(target):
    mesh = index(pods("shell", space="default"), pods("echo"), service("echo", target=target))
    found = asked(lines.ztunnel().replace("10.244.0.10:80", "10.244.0.10:8080"), mesh)
    assert (found.request.to, found.request.port) == ("echo.shop.svc.cluster.local", 80)
    assert isinstance(asked(lines.ztunnel().replace("10.244.0.10:80", "10.244.0.10:9999"), mesh), NotAsked)
