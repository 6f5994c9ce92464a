"""An API server that comes back answers before it knows who may do what: that is waited for, and no refusal."""

import json

import pytest
from tests.support.http import Answer, serving

from sidestep.actions.worlds.cluster.refusals import Refusal
from sidestep.actions.worlds.cluster.server import Ask, Server
from sidestep.errors import TransportError
from sidestep.sources.cluster.access import Access

POD = Ask("GET", "/api/v1/namespaces/shop/pods/web-1")
CUT = Answer(200, b"{}", length=100)
"""A connection that breaks."""
DENIED = 'pods "web-1" is forbidden: User "ada" cannot get resource "pods" in API group "" in the namespace "shop"'
QUOTA = 'pods "web-1" is forbidden: exceeded quota: few'


def status(code, message):
    return Answer(code, json.dumps({"kind": "Status", "message": message}).encode())


def asked(*answers):
    """What becomes of a request that is made again and again."""
    with serving(lambda _path, number: answers[number]) as url:
        server = Server(Access("test", url, timeout=5.0))
        try:
            for _ in answers:
                try:
                    yield server.ask(POD)
                except TransportError as error:
                    yield error
        finally:
            server.close()


@pytest.mark.parametrize(("code", "words"), [(401, "Unauthorized"), (403, DENIED)])
def test_who_is_not_known_yet_is_asked_for_again(code, words):
    cut, early, last = asked(CUT, status(code, words), Answer(200, b'{"kind": "Pod"}'))
    assert isinstance(cut, TransportError)
    assert isinstance(early, TransportError)
    assert f"has only just come back: {words}" in early.message
    assert last == {"kind": "Pod"}


@pytest.mark.parametrize("code", [401, 403])
def test_who_is_refused_by_a_server_that_was_there_all_the_time_is_refused(code):
    (found,) = asked(status(code, DENIED))
    assert isinstance(found, Refusal)


def test_a_quota_is_final_at_once():
    _, found = asked(CUT, status(403, QUOTA))
    assert isinstance(found, Refusal)
