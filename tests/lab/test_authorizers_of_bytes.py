"""What an authorizer that speaks gRPC is asked at a waypoint: about connections of bytes, and about bodies of requests."""

import pytest
from tests.support.labs import eventually, lab

from sidestep.demo.words import BOUND, mesh_config, pods, policy, service, spaces, waypoint

pytestmark = pytest.mark.real


def _provider(name, host, **more):
    return {"name": name, "envoyExtAuthzGrpc": {"service": f"{host}.shop.svc.cluster.local", "port": 80, **more}}


def _guarded(name, provider):
    rule = {"to": [{"operation": {"ports": ["80"]}}]}
    return [
        pods(name, "ambient", behaviour={"protocol": {"8080": "tcp"}}),
        service(name, labels=BOUND, protocol="tcp"),
        policy(name, rule, action="CUSTOM", service=name, provider={"name": provider}),
    ]


_BODY = {"includeRequestBodyInCheck": {"maxRequestBytes": 1024, "packAsBytes": True}}


@pytest.fixture(scope="module")
def shop():
    made = [
        mesh_config(
            extensionProviders=[
                _provider("checks", "checks", **_BODY),
                _provider("away", "away", timeout="1s"),
                _provider("open", "away", timeout="1s", failOpen=True),
            ]
        ),
        pods("web", "ambient"),
        waypoint(),
        pods("checks", "none", behaviour={"service": "authorizer"}),
        service("checks", protocol="grpc"),
        service("away", protocol="grpc"),
        *_guarded("asked", "checks"),
        *_guarded("shut", "away"),
        *_guarded("open", "open"),
        *_guarded("unnamed", "nobody"),
        pods("read", "ambient"),
        service("read", labels=BOUND),
        policy("read", {}, action="CUSTOM", service="read", provider={"name": "checks"}),
    ]
    with lab(*spaces(), *made) as up:
        yield up


def reached(made, name):
    return made.call("shop/web", f"tcp://{name}:80")[0].ok


def answer(made, word):
    (told,) = made.call("shop/web", f"h2c://checks:80/.sidestep/answer/{word}")
    assert told.ok, told


@pytest.mark.parametrize(("word", "ok"), [("allow", True), ("deny", False)])
def test_the_authorizer_has_the_last_word(shop, word, ok):
    answer(shop, word)
    assert eventually(lambda: reached(shop, "asked") is ok, 60)


@pytest.mark.parametrize(("name", "ok"), [("open", True), ("shut", False), ("unnamed", False)])
def test_where_nobody_can_be_asked(shop, name, ok):
    assert eventually(lambda: reached(shop, name) is ok, 60)


@pytest.mark.parametrize(("word", "size", "code"), [("allow", 1024, 200), ("allow", 1025, 413), ("deny", 9, 403)])
def test_a_body_goes_with_the_question_up_to_its_limit(shop, word, size, code):
    answer(shop, word)

    def answered():
        return shop.call("shop/web", "http://read/", method="POST", body="x" * size)[0].code == code

    assert eventually(answered, 60)
