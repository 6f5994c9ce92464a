"""Who signs, and who is trusted: a root and its intermediate, and how both are exchanged without anybody noticing.

A root changes in three steps, each of which every proxy must have heard of before the next: the new one is trusted, the
new one signs, the old one is trusted no more. At every moment all certificates that are held are trusted by all.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec import Struct
from msgspec.structs import replace

from sidestep.controlplane.ca.certificates import (
    Signer,
    fingerprint,
    new_intermediate,
    new_key,
    new_root,
    pem,
    server_certificate,
    workload_certificate,
)
from sidestep.errors import UsageError


class Lifetimes(Struct, frozen=True):
    """How long certificates are valid."""

    root: timedelta = timedelta(days=3650)
    intermediate: timedelta = timedelta(days=365)
    workload: timedelta = timedelta(hours=24)


class Stage(StrEnum):
    """How far the exchange of a root is."""

    STEADY = "steady"
    BOTH_TRUSTED = "the next root is trusted"
    NEXT_SIGNS = "the next root signs"


class Chain(Struct, frozen=True):
    """A certificate with its key, and those up to the root, which is not in it."""

    key: ec.EllipticCurvePrivateKey
    certificates: tuple[x509.Certificate, ...]

    def __repr__(self) -> str:
        return f"Chain({fingerprint(self.certificates[0])})"


class Authority(Struct, frozen=True):
    """A certificate authority at one moment; each change is a new value.

    Attributes:
        trust_domain: of the identities that it signs for.
        root: what the intermediate was signed by.
        intermediate: what signs workloads' certificates.
        lifetimes: of what it signs.
        other: the root that comes (before it signs) or goes (after); None while none is exchanged.
        stage: how far that is.
    """

    trust_domain: str
    root: Signer
    intermediate: Signer
    lifetimes: Lifetimes = Lifetimes()
    other: Signer | None = None
    stage: Stage = Stage.STEADY

    @classmethod
    def new(cls, trust_domain: str, now: datetime, lifetimes: Lifetimes | None = None) -> "Authority":
        """One that nobody trusts yet."""
        lifetimes = lifetimes or Lifetimes()
        root = new_root(trust_domain, now, lifetimes.root)
        return cls(trust_domain, root, new_intermediate(root, trust_domain, now, lifetimes.intermediate), lifetimes)

    @property
    def anchors(self) -> tuple[x509.Certificate, ...]:
        """The roots that are trusted, the one that signs first."""
        return (self.root.certificate, *((self.other.certificate,) if self.other else ()))

    @property
    def generation(self) -> str:
        """Changes whenever certificates that were signed before should be signed again."""
        return fingerprint(self.intermediate.certificate)

    def issue(self, uri: str, now: datetime, key: ec.EllipticCurvePrivateKey | None = None) -> Chain:
        """A workload's certificate, with a new key where none is given."""
        key = key or new_key()
        return Chain(key, self.sign(uri, key.public_key(), now))

    def sign(
        self, uri: str, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta | None = None
    ) -> tuple[x509.Certificate, ...]:
        """A certificate for a key that stays with its owner, and the intermediate; of a shorter life, if asked for."""
        longest = self.lifetimes.workload
        leaf = workload_certificate(self.intermediate, uri, key, now, min(lifetime or longest, longest))
        return leaf, self.intermediate.certificate

    def serve(self, names: tuple[str, ...], now: datetime) -> Chain:
        """The certificate of the control plane's own server."""
        key = new_key()
        leaf = server_certificate(self.intermediate, names, key.public_key(), now, self.lifetimes.intermediate)
        return Chain(key, (leaf, self.intermediate.certificate))

    def next_intermediate(self, now: datetime) -> "Authority":
        """Sign by a new intermediate of the same root; what the old one signed stays trusted."""
        intermediate = new_intermediate(self.root, self.trust_domain, now, self.lifetimes.intermediate)
        return replace(self, intermediate=intermediate)

    def next_stage(self, now: datetime) -> "Authority":
        """Go one step further with the exchange of the root; from the steady state, begin it."""
        match self.stage:
            case Stage.STEADY:
                other = new_root(self.trust_domain, now, self.lifetimes.root)
                return replace(self, other=other, stage=Stage.BOTH_TRUSTED)
            case Stage.BOTH_TRUSTED:
                return self._sign_by_other(now)
            case Stage.NEXT_SIGNS:
                return replace(self, other=None, stage=Stage.STEADY)

    def _sign_by_other(self, now: datetime) -> "Authority":
        if self.other is None:
            raise UsageError("there is no root to sign by", remedy="begin the exchange of the root first")
        swapped = replace(self, root=self.other, other=self.root, stage=Stage.NEXT_SIGNS)
        return swapped.next_intermediate(now)


class Trust(Struct, frozen=True):
    """Whose certificates are accepted, by trust domain.

    Attributes:
        own: the mesh's authority.
        aliases: names under which the own domain is known too, e.g. before it was renamed.
        foreign: roots of other domains; theirs are only accepted for names of theirs.
    """

    own: Authority
    aliases: tuple[str, ...] = ()
    foreign: tuple[tuple[str, bytes], ...] = ()

    def bundles(self) -> dict[str, bytes]:
        """Roots in PEM, by trust domain."""
        own = pem(self.own.anchors)
        return {**dict(self.foreign), **dict.fromkeys(self.aliases, own), self.own.trust_domain: own}
