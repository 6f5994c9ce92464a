"""What RequestAuthentications leave of a token, and tell the application of it."""

import pytest
from tests.support import mesh as m
from tests.support.scenes import index, pods, service, waypoint

from sidestep.prove.proof import Conclusion, Direction
from sidestep.prove.prover import prove

BOUND = {"istio.io/use-waypoint": "waypoint"}
MODES = {
    "sidecar": [pods("web", "sidecar"), pods("cart", "sidecar"), service("cart")],
    "waypoint": [pods("web", "ambient"), pods("cart", "ambient"), service("cart", labels=BOUND), waypoint()],
}
SUB = {"header": "x-who", "claim": "sub"}
FAULTS = {
    "handed on": ({}, {"forwardOriginalToken": True}),
    "the payload": ({}, {"outputPayloadToHeader": "x-payload"}),
    "the payload elsewhere": ({"outputPayloadToHeader": "x-a"}, {"outputPayloadToHeader": "x-b"}),
    "a claim": ({}, {"outputClaimToHeaders": [SUB]}),
    "a claim elsewhere": ({"outputClaimToHeaders": [SUB]}, {"outputClaimToHeaders": [{**SUB, "header": "x-b"}]}),
    "another claim": ({"outputClaimToHeaders": [SUB]}, {"outputClaimToHeaders": [{**SUB, "claim": "name"}]}),
    "a claim within": ({"outputClaimToHeaders": [{**SUB, "claim": "a.b"}]}, {"outputClaimToHeaders": [{**SUB, "claim": "a.c"}]}),
}  # fmt: skip
SAME = {
    "not handed on": ({}, {"forwardOriginalToken": False}),
    "no claims": ({}, {"outputClaimToHeaders": []}),
    "no payload": ({}, {"outputPayloadToHeader": ""}),
    "another case": ({"outputClaimToHeaders": [SUB]}, {"outputClaimToHeaders": [{**SUB, "header": "X-Who"}]}),
    "order": ({"outputClaimToHeaders": [SUB, {"header": "x-b", "claim": "b"}]}, {"outputClaimToHeaders": [{"header": "x-b", "claim": "b"}, SUB]}),
    "lists that nobody asks for": ({}, {"spaceDelimitedClaims": ["roles"]}),
    "lists that always are": ({}, {"spaceDelimitedClaims": ["scope"]}),
}  # fmt: skip


def pair(mode, rules):
    refs = {"targetRefs": [{"group": "", "kind": "Service", "name": "cart"}]} if mode == "waypoint" else {}
    for rule in rules:
        spec = {**refs, "jwtRules": [{"issuer": "https://a.example.com", "jwksUri": "https://a.example.com/k", **rule}]}
        yield index(*MODES[mode], m.o.istio("RequestAuthentication", "tokens", "shop", spec))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("fault", FAULTS)
def test_what_the_application_gets_of_a_token_is_compared(mode, fault):
    before, after = pair(mode, FAULTS[fault])
    for one, other in ((before, after), (after, before)):
        proof = prove(one, other)
        assert proof.verdict is Conclusion.DIFFERS
        assert {each.direction for each in proof.counterexamples} == {Direction.SEEN}
        assert all(each.changed for each in proof.counterexamples)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("words", SAME)
def test_other_words_are_the_same(mode, words):
    before, after = pair(mode, SAME[words])
    assert prove(before, after).verdict is prove(after, before).verdict is Conclusion.EQUAL
