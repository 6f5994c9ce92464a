"""A small issuer of tokens: serves its keys, and signs whatever claims it is asked for. There is one key for a lab.

`GET /jwks.json` (and where OpenID looks for it) has the keys, `GET /token?sub=ann&aud=shop&groups=a,b&ttl=60` a token.
"""

import os
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sidestep.lab.workload.exchange import Asked, Headers

ISSUER = "https://issuer.sidestep.dev"
"""What tokens name where nobody asks for another."""
_JWKS = ("/jwks.json", "/jwks", "/.well-known/jwks.json", "/openid/v1/jwks")
_DISCOVERY = "/.well-known/openid-configuration"
_LISTS = frozenset({"aud", "groups", "roles"})
_LASTS = 3600
_PLAIN = ("content-type", "text/plain")


class Issuer:
    """Signs.

    Args:
        file: of the key; made when it is first needed, readable by its owner alone. None for a key of this process.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file

    def jwks(self) -> dict[str, Any]:
        """The public key, as a set of one."""
        numbers = self._key.public_key().public_numbers()
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self._id, "n": _of(numbers.n), "e": _of(numbers.e)}
        return {"keys": [key]}

    def token(self, claims: Mapping[str, Any], seconds: int = _LASTS) -> str:
        """A token with these claims; those of times, and the issuer, are added where they are not there."""
        now = int(time.time())
        told = {"iss": ISSUER, "iat": now, "exp": now + seconds, **claims}
        head = {"alg": "RS256", "typ": "JWT", "kid": self._id}
        signed = ".".join(_encoded(msgspec.json.encode(part)) for part in (head, told))
        return f"{signed}.{_encoded(self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"

    @cached_property
    def _id(self) -> str:
        return sha256(str(self._key.public_key().public_numbers().n).encode()).hexdigest()[:16]

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        if self._file is not None and not self._file.exists():
            _write_new(self._file)
        if self._file is None:
            return _made()
        found = serialization.load_pem_private_key(self._file.read_bytes(), None)
        assert isinstance(found, rsa.RSAPrivateKey)  # noqa: S101 - it is of our own making
        return found


def issued(asked: Asked, issuer: Issuer) -> tuple[int, dict[str, Any] | str, Headers]:
    """Status, document and headers."""
    parts = urlsplit(asked.path)
    if parts.path in _JWKS:
        return 200, issuer.jwks(), ()
    if parts.path == _DISCOVERY:
        return 200, {"issuer": ISSUER, "jwks_uri": f"http://{asked.header('host')}{_JWKS[0]}"}, ()
    if parts.path == "/token":
        wanted = dict(parse_qsl(parts.query))
        lasts = wanted.pop("ttl", str(_LASTS))
        if not lasts.removeprefix("-").isdecimal():
            return 400, {"error": "ttl is a number of seconds"}, ()
        return 200, issuer.token(claims(wanted), int(lasts)), (_PLAIN,)
    return 404, {"error": f"no such path: {parts.path}; ask for /jwks.json or /token?sub=…"}, ()


def claims(written: Mapping[str, str]) -> dict[str, Any]:
    """Claims as people write them: commas make a list where one is usual, `true` and numbers of times are no texts."""
    return {name: _value(name, value) for name, value in written.items()}


def _value(name: str, written: str) -> Any:
    if name in _LISTS and "," in written:
        return written.split(",")
    if name in {"exp", "nbf", "iat"} and written.isdecimal():
        return int(written)
    return {"true": True, "false": False}.get(written, written)


def _write_new(file: Path) -> None:
    """Whole or not at all: several agents may come at once, and the first's key is everybody's."""
    pem = _made().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    own = file.with_name(f"{file.name}.{os.getpid()}")
    own.touch(mode=0o600)
    own.write_bytes(pem)
    try:
        os.link(own, file)
    except FileExistsError:
        pass
    finally:
        own.unlink()


def _made() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def _of(number: int) -> str:
    return _encoded(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
