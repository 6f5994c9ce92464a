"""What an API server answers, and which error that is: tried again, somebody else's, or final in its own words."""

import msgspec
import pytest

from sidestep.actions.worlds.cluster.refusals import error_of, refusal
from sidestep.actions.worlds.interface import ConflictError
from sidestep.errors import TransportError, WorldError


def told(code, message="", reason="", causes=()):
    body = {"kind": "Status", "reason": reason, "message": message, "details": {"causes": list(causes)}}
    return error_of(refusal(code, msgspec.json.encode(body)), "Deployment shop/web")


@pytest.mark.parametrize("code", [410, 429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_again(code):
    assert type(told(code, "not now")) is TransportError


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 413, 415, 422])
def test_a_refusal_is_final(code):
    assert type(told(code, "no")) is WorldError


def test_owners_and_fields_are_named():
    causes = [{"reason": "FieldManagerConflict", "message": 'conflict with "kubectl" using v1', "field": ".data.x"}]
    error = told(409, "Apply failed with 1 conflict", "Conflict", causes)
    assert isinstance(error, ConflictError)
    assert ".data.x belongs to kubectl" in error.message


def test_an_old_version_is_a_conflict_too():
    error = told(409, "the object has been modified", "Conflict")
    assert isinstance(error, ConflictError)
    assert "the object has been modified" in error.message


def test_the_missing_right_is_named():
    words = (
        'deployments.apps "web" is forbidden: User "u" cannot patch resource "deployments" in API group "apps" in ns'
    )
    assert "allow verb patch on deployments.apps" in told(403, words).remedy
    assert "allow verb list on pods " in told(403, 'User "u" cannot list resource "pods" in API group "" in').remedy


def test_a_quota_is_no_missing_right():
    error = told(403, 'pods "x" is forbidden: exceeded quota: few, requested: pods=1')
    assert "exceeded quota: few" in error.message
    assert "allow verb" not in error.remedy


def test_credentials_are_told_apart():
    assert "log in again" in told(401, "Unauthorized").remedy


def test_what_is_no_answer_of_an_api_server_says_its_status():
    assert error_of(refusal(502, b"<html>"), "x").message == "HTTP 502"
