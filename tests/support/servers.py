"""Real servers for tests: found, fetched or built by `tools/test_servers.py`, started on loopback, always ended."""

import base64
import http
import ipaddress
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
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
_EDITS = 50
_LASTS, EXPIRED = timedelta(days=1), timedelta(minutes=-1)
"""Of certificates, from when they are issued."""
_LEASH = ("setpriv", "--pdeathsig", "KILL", "--") if shutil.which("setpriv") else ()
"""Where the kernel can, it ends a process as soon as the thread is gone that started it. Nothing of ours runs between
fork and exec for that: gRPC's threads would not survive it."""
_OLD_STORE = ("--feature-gates", "WatchList=false")
"""Debian's etcd tells no progress of watches, and newer clients would ask for it again and again."""


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
def running(command: list[str], log: Path, grace: float = 10) -> Iterator[subprocess.Popen]:
    """A process that ends with the block, by force after some seconds, and with a test run that is killed."""
    with log.open("ab") as output, subprocess.Popen([*_LEASH, *command], stdout=output, stderr=output) as process:
        process.args = command
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(grace)
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

    def issue(self, common_name: str, group: str = "", lasts: timedelta = _LASTS) -> tuple[bytes, bytes]:
        """Certificate and key of a user (with a group) or of a server on loopback."""
        key = ec.generate_private_key(ec.SECP256R1())
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common_name)]
        if group:
            attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, group))
        names = x509.SubjectAlternativeName(
            [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        )
        builder = _builder(x509.Name(attributes), self.certificate.subject, key, lasts)
        certificate = builder.add_extension(names, critical=False).sign(self.key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM), _private(key)


def _builder(subject, issuer, key, lasts: timedelta = _LASTS) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + lasts)
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

    @contextmanager
    def up(self, command: list[str], grace: float = 10) -> Iterator[None]:
        """The server's process, for as long as the block; it keeps nothing in itself, so it may be started again."""
        log = self.folder / "apiserver.log"
        with running(command, log, grace) as process:
            wait_until(lambda: "kube-system" in str(self.send("GET", "/api/v1/namespaces")), process, log)
            yield

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
        whole = path.with_suffix(".new")
        whole.write_text(json.dumps(config))
        whole.replace(path)  # a server that reads it meanwhile would find it empty
        return str(path)

    def certificate_user(self, name: str, group: str = "", lasts: timedelta = _LASTS) -> dict:
        certificate, key = self.authority.issue(name, group, lasts)
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

    def edit(self, path: str, change: Callable[[dict], object]) -> None:
        """Change an object as somebody with an editor does: again, where a controller wrote meanwhile."""
        for _ in range(_EDITS):
            tree = self.send("GET", path)
            change(tree)
            try:
                self.send("PUT", path, tree)
            except urllib.error.HTTPError as error:
                if error.code != http.HTTPStatus.CONFLICT:
                    raise
            else:
                return
        raise AssertionError(f"{path} never stands still")

    def allow(self, user: str, role: dict, name: str = "") -> None:
        """Give a user a ClusterRole or a Role, replacing what it had of that name."""
        name, kind = name or f"test-{user}", role.get("kind", "ClusterRole")
        group = "rbac.authorization.k8s.io"
        space = role.get("metadata", {}).get("namespace", "")
        base = f"/apis/{group}/v1" + (f"/namespaces/{space}" if space else "")
        for each in (f"{kind}Binding", kind):
            with tolerating(404):
                self.send("DELETE", f"{base}/{each.lower()}s/{name}")
        meta = {"name": name, **({"namespace": space} if space else {})}
        self.send("POST", f"{base}/{kind.lower()}s", {**role, "metadata": meta})
        binding = {
            "apiVersion": f"{group}/v1",
            "kind": f"{kind}Binding",
            "metadata": meta,
            "roleRef": {"apiGroup": group, "kind": kind, "name": name},
            "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
        }
        self.send("POST", f"{base}/{kind.lower()}bindings", binding)


@contextmanager
def api_server(folder: Path) -> Iterator[ApiServer]:
    """etcd and kube-apiserver, as bare as they go, with RBAC."""
    with api_store(folder) as (server, command), server.up(command):
        yield server


@contextmanager
def api_store(folder: Path, *flags: str) -> Iterator[tuple[ApiServer, list[str]]]:
    """etcd, and a kube-apiserver that is not started yet, with the command that does."""
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
        "--cert-dir", str(folder / "certs"), *_OLD_STORE, *flags,
    ]  # fmt: skip
    with running(etcd_command, folder / "etcd.log") as etcd:
        health = f"{etcd_url}/health"
        wait_until(lambda: urllib.request.urlopen(health, timeout=2).status == 200, etcd, folder / "etcd.log")
        yield ApiServer(f"https://127.0.0.1:{port}", authority, folder), command


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
