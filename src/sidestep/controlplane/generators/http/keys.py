"""Key sets that Envoy takes: it refuses all that it is told of tokens where one set has no key that it can read.

Source: Envoy's jwt_authn, which skips keys that it cannot read, as long as one is left.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa

_CURVES = {"P-256": ec.SECP256R1(), "P-384": ec.SECP384R1(), "P-521": ec.SECP521R1()}
_ED25519 = 32
_CERTIFICATE = "-----BEGIN CERTIFICATE-----"
_NOBODYS = (
    "zMo9COMsoTepW4AocXocimS4ZsydTpkyvqVgWdp7hp7pmteYsIUNKVjCs0YrRiVaPZxJX1v5FCNobGuroGuY4GrlegVVLY9SxB2w"
    "zGokOJmrZYtNU31V2l5i1_hVbETef0ACDpljlJyg9V3zTp7wG08CuBo7jfHNojQAyx_FLHCIOFNUPv7z4jAz4kCy4t0uRjKOlSX1"
    "aoTpC5wyZ4Q_pYKtdvHOBamKrN4_LjDZSaNGD73M-FqajAdFAf_HvIrVkqnz1bRyQA0p1graLllr7ohKKSYdd3g_4nUey9tdTUUM"
    "4aLxc_gv9tL2p_XnjRo32cY7Rk5owL9KF4DrG0-a2w"
)
NOBODYS_KEYS = json.dumps({"keys": [{"kty": "RSA", "alg": "RS256", "kid": "nobody", "e": "AQAB", "n": _NOBODYS}]})
"""A key whose other half nobody has: with it every token is refused, as in Istio where keys cannot be had."""


@lru_cache(maxsize=1024)
def readable_keys(written: str) -> bool:
    """Whether a set has a key that Envoy can read."""
    try:
        found = json.loads(written)
    except ValueError:
        return False
    if not isinstance(found, dict):
        return False
    keys = found.get("keys")
    if not isinstance(keys, list):
        return any(isinstance(each, str) and each.startswith(_CERTIFICATE) for each in found.values())
    return any(isinstance(each, dict) and _is_key(each) for each in keys)


def _is_key(key: Mapping[str, Any]) -> bool:
    try:
        match key.get("kty"):
            case "RSA":
                rsa.RSAPublicNumbers(_number(key["e"]), _number(key["n"])).public_key()
            case "EC":
                curve = _CURVES[key["crv"]]
                ec.EllipticCurvePublicNumbers(_number(key["x"]), _number(key["y"]), curve).public_key()
            case "OKP":
                return key["crv"] == "Ed25519" and len(_bytes(key["x"])) == _ED25519
            case "oct":
                return bool(_bytes(key["k"]))
            case _:
                return False
    except (ValueError, KeyError, TypeError):
        return False
    return True


def _number(written: str) -> int:
    return int.from_bytes(_bytes(written))


def _bytes(written: str) -> bytes:
    return urlsafe_b64decode(written + "=" * (-len(written) % 4))
