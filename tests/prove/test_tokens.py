"""What RequestAuthentications make of tokens beside taking or refusing them, and authorizers that may be asked."""

import pytest
from tests.prove.by_hand import WAYPOINT, jwt
from tests.support.scenes import index, mesh_config, policy

from sidestep.prove.proof import Conclusion, Direction
from sidestep.prove.prover import prove

AUTHORIZER = mesh_config(
    extensionProviders=[{"name": "checks", "envoyExtAuthzGrpc": {"service": "web.shop.svc.cluster.local", "port": 80}}]
)


def asks(key, *values, **more):
    return policy("claims", {"when": [{"key": key, "values": list(values)}], **more}, service="cart")


def behind(*more):
    return index(*WAYPOINT, *more)


def directions(one, other):
    proof = prove(one, other)
    assert not proof.undecided
    return {each.direction for each in proof.counterexamples if not each.accepted}


def test_a_token_that_is_not_handed_on_is_missed():
    before, after = behind(jwt(forwardOriginalToken=True)), behind(jwt())
    assert directions(before, after) == directions(after, before) == {Direction.SEEN}
    found = prove(before, after).counterexamples[0]
    assert found.changed == ("header of the token: valid before, none after",)


def test_words_between_spaces_are_several_for_whoever_reads_them_so():
    guard = asks("request.auth.claims[roles]", "admin")
    text, words = behind(guard, jwt()), behind(guard, jwt(spaceDelimitedClaims=["roles"]))
    assert directions(text, words) == {Direction.OPEN}
    assert directions(words, text) == {Direction.CLOSED}
    assert not directions(words, behind(guard, jwt(spaceDelimitedClaims=["roles", "roles"])))


def test_words_of_a_claim_that_nobody_asks_for_count_for_nothing():
    guard = asks("request.auth.claims[roles]", "admin")
    assert not directions(behind(guard, jwt()), behind(guard, jwt(spaceDelimitedClaims=["groups"])))


def test_a_claim_is_a_text_or_holds_others():
    """Whoever asks for both in two meshes tells them apart by either."""
    text, object_ = (asks(f"request.auth.claims[realm]{below}", "admin") for below in ("", "[roles]"))
    one, other = behind(jwt(), text), behind(jwt(), object_)
    assert directions(one, other) == directions(other, one) == {Direction.OPEN, Direction.CLOSED}


@pytest.mark.parametrize("blocks", [["10.9.0.0/16"], ["0.0.0.0/0"]])
def test_whether_an_authorizer_is_asked_hangs_on_what_is_known(blocks):
    """Of an address that nobody knows it cannot be told, and whoever is asked anyway is asked of nothing."""

    def asked(*source):
        rule = {"from": [{"source": each} for each in source]} if source else {}
        how = {"action": "CUSTOM", "provider": {"name": "checks"}, "service": "cart"}
        return behind(AUTHORIZER, policy("asked", rule, **how))

    assert prove(asked({"ipBlocks": blocks}), asked()).verdict is Conclusion.UNDECIDED
    assert prove(asked({"ipBlocks": blocks}), asked({"ipBlocks": ["10.0.0.0/30"]})).verdict is Conclusion.UNDECIDED
    assert prove(asked({"ipBlocks": blocks}), asked({"ipBlocks": blocks})).verdict is Conclusion.EQUAL
