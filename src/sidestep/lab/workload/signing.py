"""The key of the lab's issuer of tokens. Imported when somebody asks for a token: the library takes long to load."""

import os
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


class SigningKey:
    """Signs by RS256.

    Args:
        file: of the key; made where it is not there, readable by its owner alone. None for a key of this process.
    """

    def __init__(self, file: Path | None = None) -> None:
        if file is not None and not file.exists():
            _write_new(file)
        self._key = _read(file) if file is not None else _made()
        self._numbers = self._key.public_key().public_numbers()
        self.id = sha256(str(self._numbers.n).encode()).hexdigest()[:16]
        """By which its users know it."""

    def public(self) -> dict[str, str]:
        """The public key, as a JSON Web Key."""
        numbers = {"n": _of(self._numbers.n), "e": _of(self._numbers.e)}
        return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.id, **numbers}

    def sign(self, text: str) -> str:
        """The signature of a text, as tokens have it."""
        return encoded(self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256()))


def encoded(data: bytes) -> str:
    """Base64 for URLs, without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _read(file: Path) -> rsa.RSAPrivateKey:
    found = serialization.load_pem_private_key(file.read_bytes(), None)
    assert isinstance(found, rsa.RSAPrivateKey)  # noqa: S101 - it is of our own making
    return found


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
    return encoded(number.to_bytes((number.bit_length() + 7) // 8, "big"))
