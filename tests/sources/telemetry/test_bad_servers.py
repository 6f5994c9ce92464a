"""Prometheus down, slow, huge, forbidden, or something else; and windows and headers that are none."""

import json

import pytest
from tests.support.http import Answer, answering, serving
from tests.support.mesh import Sidecar, app, inject, mesh, pod

from sidestep.errors import UsageError, WorldError
from sidestep.model.gaps import GapReason
from sidestep.model.telemetry import TelemetryKind
from sidestep.sources.telemetry import http_api
from sidestep.sources.telemetry.prometheus import PrometheusSource, seconds_of

MESH = mesh(pod(inject(app("cart"), Sidecar())))


def vector(*samples) -> Answer:
    result = [{"metric": labels, "value": [1, value]} for labels, value in samples]
    return Answer(body=json.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}).encode())


def failure(status: int, told: str) -> Answer:
    return Answer(status, json.dumps({"status": "error", "errorType": "x", "error": told}).encode())


def ask(url, timeout=5.0, **access):
    return PrometheusSource(PrometheusSource.access(url, access.get("token"), None, (), timeout), "1h", at=1.0).read(
        MESH
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(body=b"<html>sign in</html>"), GapReason.MALFORMED),
        (Answer(302, headers=(("Location", "https://sso"),)), GapReason.UNAUTHORIZED),
        (Answer(401), GapReason.UNAUTHORIZED),
        (Answer(403), GapReason.FORBIDDEN),
        (Answer(500), GapReason.UNREACHABLE),
        (Answer(body=b'{"status"', length=999), GapReason.UNREACHABLE),
        (failure(422, "bad query"), GapReason.MALFORMED),
        (Answer(body=b"[]"), GapReason.MALFORMED),
    ],
)
def test_a_server_that_does_not_answer_is_a_gap(answer, reason):
    with answering(**answer._asdict()) as url:
        found = ask(url)
    assert found.kind is TelemetryKind.NONE
    assert [gap.reason for gap in found.gaps] == [reason]
    assert found.gaps[0].remedy


def test_nobody_there_and_nobody_in_time():
    assert ask("http://127.0.0.1:9").gaps[0].reason is GapReason.UNREACHABLE
    with answering(hang=True) as url:
        assert ask(url, timeout=0.2).gaps[0].reason is GapReason.TIMEOUT


def test_an_answer_without_end_is_cut(monkeypatch):
    monkeypatch.setattr(http_api, "LONGEST_ANSWER", 100)
    with answering(body=b"x" * 1_000) as url:
        assert ask(url).gaps[0].reason is GapReason.TOO_LARGE


def test_what_is_no_number_is_left_out():
    cart = {"namespace": "shop", "controller": "cart"}
    with serving(lambda *_: vector((cart, "NaN"), (cart, "+Inf"), (cart, "x"))) as url:
        found = ask(url)
    assert found.proxies == {}
    assert found.gaps == ()


def test_a_query_too_heavy_is_asked_again_in_parts():
    with serving(lambda _, count: vector() if count == 0 else failure(422, "query would load too many samples")) as url:
        found = ask(url)
    assert found.kind is TelemetryKind.PROMETHEUS
    assert any("use of proxies in shop" in gap.resource for gap in found.gaps)


def test_a_partial_answer_is_kept():
    with serving(lambda _, count: vector() if count < 10 else failure(500, "x")) as url:
        found = ask(url)
    assert found.kind is TelemetryKind.PROMETHEUS
    assert {gap.resource.partition(" ")[0] for gap in found.gaps} <= {"bytes", "requests"}
    assert found.gaps


def test_passwords_in_the_url_are_never_shown():
    url = "http://user:geheim@127.0.0.1:9/prometheus"
    found = ask(url)
    assert "geheim" not in f"{found}{PrometheusSource.access(url, None, None, (), 1)!r}"


def test_a_token_file_that_is_not_there():
    with pytest.raises(WorldError, match="token file"):
        ask("http://127.0.0.1:9", token="/nowhere/token")


@pytest.mark.parametrize(
    ("text", "seconds"), [("7d", 604_800), ("1d12h", 129_600), ("5m", 300), ("1w", 604_800), ("3600s", 3_600)]
)
def test_windows(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "7", "d", "1s", "500d", "-7d", "7 d", "1h1d", "7D"])
def test_what_is_no_window(text):
    with pytest.raises(UsageError) as error:
        seconds_of(text)
    assert error.value.where == "--window"


@pytest.mark.parametrize(
    ("url", "header"), [("prometheus:9090", ()), ("http://p", ("nocolon",)), ("http://p", ("a: b\r\nc: d",))]
)
def test_what_the_user_cannot_mean(url, header):
    with pytest.raises(UsageError):
        PrometheusSource.access(url, None, None, header, 5)
