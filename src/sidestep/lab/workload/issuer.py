"""A small issuer of tokens: serves its keys, and signs whatever claims it is asked for. There is one key for a lab.

`GET /jwks.json` (and where OpenID looks for it) has the keys, `GET /token?sub=ann&aud=shop&groups=a,b&ttl=60` a token.
"""

import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from sidestep.lab.workload.exchange import Asked, Headers

if TYPE_CHECKING:
    from sidestep.lab.workload.signing import SigningKey

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
        return {"keys": [self._key.public()]}

    def token(self, claims: Mapping[str, Any], seconds: int = _LASTS) -> str:
        """A token with these claims; those of times, and the issuer, are added where they are not there."""
        from sidestep.lab.workload.signing import encoded  # noqa: PLC0415 - as below

        now = int(time.time())
        told = {"iss": ISSUER, "iat": now, "exp": now + seconds, **claims}
        head = {"alg": "RS256", "typ": "JWT", "kid": self._key.id}
        signed = ".".join(encoded(msgspec.json.encode(part)) for part in (head, told))
        return f"{signed}.{self._key.sign(signed)}"

    @cached_property
    def _key(self) -> "SigningKey":
        from sidestep.lab.workload.signing import SigningKey  # noqa: PLC0415 - its library takes long to load

        return SigningKey(self._file)


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
