"""Certificates as the mesh needs them: X.509 SVIDs on P-256.

Source: SPIFFE X509-SVID §3 and §4; what istiod puts in (ztunnel.md §4.2): a URI as the only name, for both ends of TLS,
valid from two minutes ago.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from msgspec import Struct

BACKDATED = timedelta(minutes=2)
_BACKDATED_SHARE = 10
"""No more than this part of its life: who renews at half of it, from its beginning, would else renew a short one at
once, and again and again."""
_BOTH_ENDS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


class Signer(Struct, frozen=True):
    """A certificate that signs others, with its key. It is never shown: only `certificate` is for others.

    Attributes:
        key: private.
        certificate: its own.
    """

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def __repr__(self) -> str:
        return f"Signer({fingerprint(self.certificate)})"


def new_key() -> ec.EllipticCurvePrivateKey:
    """A private key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def new_root(trust_domain: str, now: datetime, lifetime: timedelta) -> Signer:
    """A root that trusts itself."""
    key, name = new_key(), _name(f"root of {trust_domain}")
    builder = _builder(name, name, key.public_key(), now, lifetime)
    return Signer(key, _authority(builder, key.public_key(), below=1).sign(key, hashes.SHA256()))


def new_intermediate(root: Signer, trust_domain: str, now: datetime, lifetime: timedelta) -> Signer:
    """What signs workloads' certificates; it ends no later than its root."""
    key = new_key()
    name = _name(f"intermediate of {trust_domain}")
    builder = _builder(name, root.certificate.subject, key.public_key(), now, _within(root, now, lifetime))
    builder = _authority(builder, key.public_key(), below=0).add_extension(_issuer_of(root), critical=False)
    return Signer(key, builder.sign(root.key, hashes.SHA256()))


def workload_certificate(
    signer: Signer, uri: str, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta
) -> x509.Certificate:
    """A certificate whose only name is this URI; it ends no later than who signs it."""
    names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
    builder = _leaf(signer, x509.Name([]), key, now, lifetime).add_extension(names, critical=True)
    return builder.sign(signer.key, hashes.SHA256())


def server_certificate(
    signer: Signer, names: Sequence[str], key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta
) -> x509.Certificate:
    """A certificate of a server that is known by its host names."""
    subject = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
    builder = _leaf(signer, _name(names[0]), key, now, lifetime).add_extension(subject, critical=False)
    return builder.sign(signer.key, hashes.SHA256())


def pem(certificates: Iterable[x509.Certificate]) -> bytes:
    """Certificates one after the other."""
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A private key, PKCS #8, not encrypted."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def fingerprint(certificate: x509.Certificate) -> str:
    """Sixteen hexadecimal digits by which a certificate is told from others."""
    return certificate.fingerprint(hashes.SHA256()).hex()[:16]


def _leaf(
    signer: Signer, subject: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    builder = _builder(subject, signer.certificate.subject, key, now, _within(signer, now, lifetime))
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(_BOTH_ENDS, critical=False)
        .add_extension(_issuer_of(signer), critical=False)
    )


def _authority(builder: x509.CertificateBuilder, key: ec.EllipticCurvePublicKey, below: int) -> x509.CertificateBuilder:
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=below), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - min(BACKDATED, lifetime / _BACKDATED_SHARE))
        .not_valid_after(now + lifetime)
    )


def _within(signer: Signer, now: datetime, lifetime: timedelta) -> timedelta:
    return min(lifetime, signer.certificate.not_valid_after_utc - now)


def _issuer_of(signer: Signer) -> x509.AuthorityKeyIdentifier:
    identifier = signer.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common[:64])])
