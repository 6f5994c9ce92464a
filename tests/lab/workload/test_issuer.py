"""Tokens that the lab's issuer hands out, read by a library that knows nothing of it."""

import json
from base64 import urlsafe_b64decode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sidestep.lab.workload.exchange import Asked, Peer
from sidestep.lab.workload.issuer import ISSUER, Issuer, issued


def asked(path):
    return Asked("HTTP/1.1", "GET", path, (("host", "issuer.auth:8080"),), b"", 0, Peer("", ""))


def decoded(part):
    return urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verified(token, keys):
    """The claims; an error where no key of the set signed them."""
    head, payload, signature = token.split(".")
    key = next(each for each in keys["keys"] if each["kid"] == json.loads(decoded(head))["kid"])
    numbers = rsa.RSAPublicNumbers(*(int.from_bytes(decoded(key[name])) for name in ("e", "n")))
    signed = f"{head}.{payload}".encode()
    numbers.public_key().verify(decoded(signature), signed, padding.PKCS1v15(), hashes.SHA256())
    return json.loads(decoded(payload))


def test_a_token_says_what_was_asked_for_and_verifies(tmp_path):
    issuer = Issuer(tmp_path / "key.pem")
    status, token, _ = issued(asked("/token?sub=ann&aud=shop&groups=a,b&admin=true&ttl=60"), issuer)
    claims = verified(token, issued(asked("/jwks.json"), issuer)[1])
    assert status == 200
    assert claims["exp"] - claims["iat"] == 60
    assert {name: claims[name] for name in ("iss", "sub", "aud", "groups", "admin")} == {
        "iss": ISSUER, "sub": "ann", "aud": "shop", "groups": ["a", "b"], "admin": True,
    }  # fmt: skip


def test_all_issuers_of_a_lab_have_one_key_that_only_its_user_can_read(tmp_path):
    file = tmp_path / "key.pem"
    first, second = Issuer(file), Issuer(file)
    assert first.jwks() == second.jwks()
    assert verified(first.token({}), second.jwks())
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["key.pem"]


def test_an_expired_token_can_be_had_and_nonsense_is_refused():
    issuer = Issuer()
    claims = verified(issued(asked("/token?ttl=-60"), issuer)[1], issuer.jwks())
    assert claims["exp"] < claims["iat"]
    assert issued(asked("/token?ttl=soon"), issuer)[0] == 400
    assert issued(asked("/else"), issuer)[0] == 404


@pytest.mark.parametrize("path", ["/jwks.json", "/.well-known/jwks.json"])
def test_keys_are_public_only(path):
    assert issued(asked(path), Issuer())[1]["keys"][0].keys() == {"kty", "use", "alg", "kid", "n", "e"}
