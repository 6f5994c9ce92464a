"""The lab's authorizer, asked as Envoy asks."""

import pytest
from envoy.service.auth.v3.external_auth_pb2 import CheckRequest, CheckResponse

from sidestep.lab.workload.authorizer import CHECK, HEADER, Authorizer
from sidestep.lab.workload.exchange import Asked, Peer


def http(path="/anything", **headers):
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Asked("HTTP/1.1", "GET", path, named, b"", 0, Peer("", ""))


def grpc(**headers):
    request = CheckRequest()
    for name, value in {"user-agent": "x", **headers, "zone": "allow"}.items():
        request.attributes.request.http.headers[name.replace("_", "-")] = value
    body = request.SerializeToString()
    return Asked("gRPC", "POST", CHECK, (), body, len(body), Peer("", ""))


@pytest.mark.parametrize(
    ("asked", "status"),
    [(http(x_ext_authz="allow"), 200), (http(x_ext_authz="deny"), 403), (http(), 403), (http(x_ext_authz=""), 403)],
)
def test_over_http(asked, status):
    assert Authorizer().answer(asked)[0] == status


@pytest.mark.parametrize(("value", "code"), [("allow", 0), ("deny", 7), ("allowed", 7), (None, 7)])
def test_over_grpc(value, code):
    *_, message = Authorizer().answer(grpc(**({} if value is None else {HEADER: value})))
    answer = CheckResponse.FromString(message)
    assert answer.status.code == code
    told = answer.denied_response if code else answer.ok_response
    assert [each.header.value for each in told.headers] == ["denied" if code else "allowed"]
    assert answer.denied_response.status.code == (403 if code else 0)


@pytest.mark.parametrize(("says", "status"), [("allow", 200), ("deny", 403), ("header", 403)])
def test_its_answer_is_set_while_it_runs(says, status):
    authorizer = Authorizer()
    assert authorizer.answer(http(f"/.sidestep/answer/{says}"))[0] == 200
    assert authorizer.answer(http())[0] == status
    assert (CheckResponse.FromString(authorizer.answer(grpc())[3]).status.code == 0) == (status == 200)


def test_an_answer_that_it_does_not_know_changes_nothing():
    authorizer = Authorizer()
    assert authorizer.answer(http("/.sidestep/answer/perhaps"))[0] == 400
    assert authorizer.answer(http())[0] == 403
