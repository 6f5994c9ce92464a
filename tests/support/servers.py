"""Real servers for tests: found, fetched or built by `tools/test_servers.py`, started on loopback, always ended."""

import base64
import ipaddress
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tools.test_servers import Unavailable, have

_READY_SECONDS = 90


def server_binary(name: str) -> Path:
    """Where a server's program is; the test is skipped by name where this machine cannot have it."""
    try:
        return have(name)
    except (Unavailable, OSError, StopIteration) as error:
        pytest.skip(f"{name} cannot be had here: {error}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(command: list[str], log: Path) -> Iterator[subprocess.Popen]:
    """A process that ends with the block, whatever happens."""
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def wait_until(ready, process: subprocess.Popen, log: Path) -> None:
    """Poll a server until it answers; a server that ended is shown with the end of its log."""
    until = time.monotonic() + _READY_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            pytest.fail(f"{process.args[0]} ended: {log.read_text()[-2000:]}")
        try:
            if ready():
                return
        except OSError:
            pass
        time.sleep(0.05)
    pytest.fail(f"{process.args[0]} did not become ready: {log.read_text()[-2000:]}")


@contextmanager
def tolerating(status: int) -> Iterator[None]:
    """One HTTP status is fine: what was to be made is there already, what was to go is gone."""
    try:
        yield
    except urllib.error.HTTPError as error:
        if error.code != status:
            raise


@dataclass
class Authority:
    """A certificate authority made for one test run."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def make(cls) -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sidestep tests")])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        certificate = _builder(name, name, key).add_extension(constraints, critical=True).sign(key, hashes.SHA256())
        return cls(key, certificate)

    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, common_name: str, group: str = "", *, expired: bool = False) -> tuple[bytes, bytes]:
        """Certificate and key of a user (with a group) or of a server on loopback."""
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        if group:
            attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
        names = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        )
        builder = _builder(x509.Name(attributes), self.certificate.subject, key, expired=expired)
        certificate = builder.add_extension(names, critical=False).sign(self.key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM), _private(key)


def _builder(subject, issuer, key, *, expired: bool = False) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    end = now - timedelta(minutes=1) if expired else now + timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(end)
    )


def _private(key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )


@dataclass
class ApiServer:
    """A real kube-apiserver with RBAC on loopback."""

    url: str
    authority: Authority
    folder: Path

    def kubeconfig(self, name: str, user: dict, **cluster) -> str:
        """A kubeconfig for a user; `cluster` overrides fields of the cluster."""
        data = base64.b64encode(self.authority.pem()).decode()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [
                {"name": "test", "cluster": {"server": self.url, "certificate-authority-data": data, **cluster}}
            ],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": "test", "user": name}}],
        }
        path = self.folder / f"{name}.kubeconfig"
        path.write_text(json.dumps(config))
        return str(path)

    def certificate_user(self, name: str, group: str = "", *, expired: bool = False) -> dict:
        certificate, key = self.authority.issue(name, group, expired=expired)
        return {
            "client-certificate-data": base64.b64encode(certificate).decode(),
            "client-key-data": base64.b64encode(key).decode(),
        }

    def admin(self) -> str:
        return self.kubeconfig("admin", self.certificate_user("admin", "system:masters"))

    def send(self, method: str, path: str, body: dict | None = None) -> dict:
        """A request as administrator, for setting a test up."""
        import ssl  # noqa: PLC0415

        context = ssl.create_default_context(cadata=self.authority.pem().decode())
        files = [self.folder / "admin.crt", self.folder / "admin.key"]
        if not files[0].exists():
            for file, content in zip(files, self.authority.issue("admin", "system:masters"), strict=True):
                file.write_bytes(content)
        context.load_cert_chain(*files)
        request = urllib.request.Request(self.url + path, method=method)
        request.add_header("Content-Type", "application/json")
        data = json.dumps(body).encode() if body is not None else None
        with urllib.request.urlopen(request, data, context=context, timeout=30) as response:
            return json.load(response)

    def allow(self, user: str, role: dict) -> None:
        """Give a user a ClusterRole of its own, replacing what it had."""
        name = f"test-{user}"
        base = "/apis/rbac.authorization.k8s.io/v1"
        for kind in ("clusterrolebindings", "clusterroles"):
            with tolerating(404):
                self.send("DELETE", f"{base}/{kind}/{name}")
        self.send("POST", f"{base}/clusterroles", {**role, "metadata": {"name": name}})
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        }
        self.send("POST", f"{base}/clusterrolebindings", binding)


@contextmanager
def api_server(folder: Path) -> Iterator[ApiServer]:
    """etcd and kube-apiserver, as bare as they go, with RBAC."""
    etcd_program, program = server_binary("etcd"), server_binary("kube-apiserver")
    client, peer, port = free_port(), free_port(), free_port()
    etcd_url = f"http://127.0.0.1:{client}"
    authority = Authority.make()
    files = _written(folder, authority)
    etcd_command = [
        str(etcd_program), "--data-dir", str(folder / "etcd"), "--listen-client-urls", etcd_url, "--advertise-client-urls",
        etcd_url, "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls",
        f"http://127.0.0.1:{peer}", "--initial-cluster", f"default=http://127.0.0.1:{peer}", "--unsafe-no-fsync",
        "--quota-backend-bytes", str(4 * 2**30),
    ]  # fmt: skip
    command = [
        str(program), "--etcd-servers", etcd_url, "--bind-address", "127.0.0.1", "--secure-port", str(port),
        "--authorization-mode", "RBAC", "--client-ca-file", files["ca.crt"], "--tls-cert-file", files["server.crt"],
        "--tls-private-key-file", files["server.key"], "--service-account-key-file", files["sa.key"],
        "--service-account-signing-key-file", files["sa.key"], "--service-account-issuer", "https://sidestep.test",
        "--service-cluster-ip-range", "10.96.0.0/16", "--disable-admission-plugins", "ServiceAccount",
        "--cert-dir", str(folder / "certs"),
    ]  # fmt: skip
    with running(etcd_command, folder / "etcd.log") as etcd:
        health = f"{etcd_url}/health"
        wait_until(lambda: urllib.request.urlopen(health, timeout=2).status == 200, etcd, folder / "etcd.log")
        with running(command, folder / "apiserver.log") as process:
            server = ApiServer(f"https://127.0.0.1:{port}", authority, folder)
            ready = lambda: "kube-system" in str(server.send("GET", "/api/v1/namespaces"))  # noqa: E731
            wait_until(ready, process, folder / "apiserver.log")
            yield server


def _written(folder: Path, authority: Authority) -> dict[str, str]:
    certificate, key = authority.issue("kube-apiserver")
    contents = {
        "ca.crt": authority.pem(),
        "server.crt": certificate,
        "server.key": key,
        "sa.key": _private(ec.generate_private_key(ec.SECP256R1())),
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: str(folder / name) for name in contents}


def permissive_crd(kind) -> dict:
    """A CustomResourceDefinition that takes anything, with every version that we know of."""
    versions = [
        {
            "name": version,
            "served": True,
            "storage": index == 0,
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
        }
        for index, version in enumerate(kind.versions)
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": kind.key,
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": kind.group,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {"plural": kind.plural, "kind": kind.name, "singular": kind.name.lower()},
            "versions": versions,
        },
    }


def wait_for_kinds(server: ApiServer, kinds) -> None:
    """Definitions are served a moment after they are accepted."""
    until = time.monotonic() + _READY_SECONDS
    for kind in kinds:
        path = f"/apis/{kind.api_version()}/{kind.plural}"
        while time.monotonic() < until:
            try:
                server.send("GET", path)
                break
            except urllib.error.HTTPError:
                time.sleep(0.05)
