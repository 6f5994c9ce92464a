"""An authority's keys between two lives of the control plane: in a folder that only its user may enter."""

import os
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Struct

from sidestep.controlplane.ca.authority import Authority, Lifetimes, Stage
from sidestep.controlplane.ca.certificates import Signer, key_pem, pem
from sidestep.errors import WorldError

MESH, DOOR = "authority.json", "door.json"
"""The authority of the mesh; and that of the control plane's own server, which proxies read once, when they start."""


class _Pair(Struct, frozen=True):
    key: str
    certificate: str


class _Kept(Struct, frozen=True):
    trust_domain: str
    root: _Pair
    intermediate: _Pair
    other: _Pair | None
    stage: Stage


def load(folder: Path, lifetimes: Lifetimes | None = None, name: str = MESH) -> Authority | None:
    """The authority that was kept; None where none was.

    Raises:
        WorldError: the file is not what was written.
    """
    file = folder / name
    if not file.exists():
        return None
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=_Kept)
        other = _signer(kept.other) if kept.other else None
        root, intermediate = _signer(kept.root), _signer(kept.intermediate)
    except (msgspec.MsgspecError, ValueError, OSError) as error:
        raise WorldError(
            f"the keys of the mesh's certificate authority cannot be read: {type(error).__name__}",
            where=str(file),
            remedy="remove the file: the mesh gets a new authority",
        ) from None
    return Authority(kept.trust_domain, root, intermediate, lifetimes or Lifetimes(), other, kept.stage)


def keep(authority: Authority, folder: Path, name: str = MESH) -> None:
    """Write an authority; whole or not at all, readable for nobody else."""
    other = _pair(authority.other) if authority.other else None
    kept = _Kept(authority.trust_domain, _pair(authority.root), _pair(authority.intermediate), other, authority.stage)
    write_private(folder / name, msgspec.json.encode(kept))


def write_private(file: Path, content: bytes) -> None:
    """Replace a file at once by one that only its owner may read."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        output.write(content)
    draft.replace(file)


def _pair(signer: Signer) -> _Pair:
    return _Pair(key_pem(signer.key).decode(), pem((signer.certificate,)).decode())


def _signer(pair: _Pair) -> Signer:
    key = serialization.load_pem_private_key(pair.key.encode(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError("not a key on an elliptic curve")  # noqa: TRY004
    return Signer(key, x509.load_pem_x509_certificate(pair.certificate.encode()))
