"""By which a proxy proves whose it is: short-lived, for one proxy, signed with a key that only we have.

The form is that of RFC 7515 with HS256, so that clients which look for a JWT find one.
"""

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct

from sidestep.controlplane.ca.folder import write_private

LIFETIME = timedelta(minutes=10)
_HEADER = b'{"alg":"HS256","typ":"JWT"}'
_AUDIENCE = "istio-ca"
_LEEWAY = timedelta(seconds=30)


class Proxy(Struct, frozen=True):
    """Which proxy it is.

    Attributes:
        role: what it does, e.g. `node`.
        name: of the node, for a node's proxy.
    """

    role: str
    name: str


class Refused(Exception):  # noqa: N818  it is an answer, and reads as one
    """Why a token does not count; it never holds the token."""


class _Claims(Struct, frozen=True):
    sub: str
    aud: str
    nbf: int
    exp: int


class Tokens:
    """Mints and checks.

    Args:
        key: of signatures.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def kept(cls, folder: Path) -> "Tokens":
        """With the key in a folder, made where there is none, so that proxies' tokens outlive the control plane."""
        file = folder / "tokens.key"
        if not file.exists():
            write_private(file, secrets.token_bytes(32))
        return cls(file.read_bytes())

    def mint(self, proxy: Proxy, now: datetime, lifetime: timedelta = LIFETIME) -> str:
        """A token that this proxy may show until it ends."""
        claims = _Claims(
            f"{proxy.role}/{proxy.name}", _AUDIENCE, int(now.timestamp()), int((now + lifetime).timestamp())
        )
        signed = b".".join((_encode(_HEADER), _encode(msgspec.json.encode(claims))))
        return b".".join((signed, _encode(self._signature(signed)))).decode()

    def verify(self, token: str, now: datetime) -> Proxy:
        """Whose token it is.

        Raises:
            Refused: with the reason.
        """
        claims = self._claims(token)
        if claims.aud != _AUDIENCE:
            raise Refused("the token is for somebody else")
        if now.timestamp() > claims.exp:
            raise Refused("the token has expired")
        if now + _LEEWAY < datetime.fromtimestamp(claims.nbf, now.tzinfo):
            raise Refused("the token is not valid yet")
        role, _, name = claims.sub.partition("/")
        return Proxy(role, name)

    def _claims(self, token: str) -> _Claims:
        try:
            signed, _, signature = token.encode("ascii").rpartition(b".")
            header, _, claims = signed.partition(b".")
            genuine = hmac.compare_digest(_decode(signature), self._signature(signed)) and _decode(header) == _HEADER
            if not genuine:
                raise Refused("the token was not signed here")
            return msgspec.json.decode(_decode(claims), type=_Claims)
        except (ValueError, msgspec.MsgspecError):
            raise Refused("what was shown is no token of ours") from None

    def _signature(self, signed: bytes) -> bytes:
        return hmac.digest(self._key, signed, "sha256")


def _encode(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


def _decode(text: bytes) -> bytes:
    return urlsafe_b64decode(text + b"=" * (-len(text) % 4))
