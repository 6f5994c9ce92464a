"""Kubeconfig files: merged, relative, broken; and programs that print credentials."""

import base64
import json
import stat
from pathlib import Path

import pytest

from sidestep.errors import WorldError
from sidestep.sources.cluster import kubeconfig
from sidestep.sources.cluster.credentials import fetch_token, tls
from sidestep.sources.cluster.kubeconfig import cluster_access

CONFIG = {
    "current-context": "one",
    "clusters": [{"name": "c", "cluster": {"server": "https://one.example:6443/"}}],
    "users": [{"name": "u", "user": {"token": "t0ken"}}],
    "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u", "namespace": "shop"}}],
}


def write(path: Path, **changes) -> str:
    path.write_text(json.dumps({**CONFIG, **changes}))
    return str(path)


def with_user(path: Path, **user) -> str:
    return write(path, users=[{"name": "u", "user": user}])


def test_the_current_context(tmp_path):
    access = cluster_access(write(tmp_path / "k"), None, 5)
    assert (access.name, access.server, access.namespace) == ("one", "https://one.example:6443", "shop")
    assert fetch_token(access) == "t0ken"


def test_nothing_secret_is_shown(tmp_path):
    assert "t0ken" not in repr(cluster_access(write(tmp_path / "k"), None, 5))


def test_several_files_are_merged_and_the_first_wins(tmp_path, monkeypatch):
    first = tmp_path / "a"
    first.write_text(json.dumps({"contexts": [{"name": "two", "context": {"cluster": "c", "user": "u"}}]}))
    second = write(tmp_path / "b")
    other = [{"name": "c", "cluster": {"server": "https://other"}}]
    third = write(tmp_path / "d", clusters=other, **{"current-context": "two"})
    monkeypatch.setenv("KUBECONFIG", f"{first}:{second}:{tmp_path / 'missing'}:{third}")
    assert cluster_access(None, None, 5).name == "one"
    assert cluster_access(None, "two", 5).server == "https://one.example:6443"


def test_paths_are_relative_to_their_file(tmp_path):
    (tmp_path / "ca.pem").write_text("PEM")
    cluster = {"server": "https://x", "certificate-authority": "ca.pem", "proxy-url": "http://p:3128"}
    path = write(tmp_path / "k", clusters=[{"name": "c", "cluster": {**cluster, "tls-server-name": "inner"}}])
    access = cluster_access(path, None, 5)
    assert (access.authority, access.proxy, access.server_name) == (b"PEM", "http://p:3128", "inner")


def test_token_files_are_read_each_time(tmp_path):
    (tmp_path / "token").write_text("first\n")
    access = cluster_access(with_user(tmp_path / "k", tokenFile="token"), None, 5)
    assert fetch_token(access) == "first"
    (tmp_path / "token").write_text("second")
    assert fetch_token(access) == "second"


@pytest.mark.parametrize(
    ("changes", "context", "told"),
    [
        ({"current-context": ""}, None, "no current context"),
        ({}, "three", "no context 'three'"),
        ({"clusters": []}, None, "names cluster 'c'"),
        ({"users": [{"name": "u", "user": {"auth-provider": {"name": "gcp"}}}]}, None, "auth-provider"),
        ({"users": [{"name": "u", "user": {"client-certificate-data": "%%%"}}]}, None, "no base64"),
        ({"users": [{"name": "u", "user": {"client-key": "missing.pem"}}]}, None, "No such file"),
        ({"clusters": "x"}, None, "no kubeconfig"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, changes, context, told):
    with pytest.raises(WorldError, match=told) as error:
        cluster_access(write(tmp_path / "k", **changes), context, 5)
    assert error.value.remedy
    assert error.value.where


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a: [", b"- 1", b"\t"])
def test_what_is_no_kubeconfig(tmp_path, content):
    path = tmp_path / "k"
    path.write_bytes(content)
    with pytest.raises(WorldError):
        cluster_access(str(path), None, 5)


def test_without_any(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(WorldError, match="no kubeconfig found"):
        cluster_access(None, None, 5)
    with pytest.raises(WorldError, match="no such file"):
        cluster_access(str(tmp_path / "none"), None, 5)


def test_in_a_pod_its_own_account(tmp_path, monkeypatch):
    for name, content in (("token", "pod"), ("ca.crt", "PEM"), ("namespace", "tools\n")):
        (tmp_path / name).write_text(content)
    monkeypatch.setattr(kubeconfig, "SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    access = cluster_access(None, None, 5)
    assert (access.server, access.namespace, fetch_token(access)) == ("https://[fd00::1]:6443", "tools", "pod")


def plugin(tmp_path, script: str, **more) -> str:
    program = tmp_path / "plugin"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    spec = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(program), **more}
    return with_user(tmp_path / "k", exec=spec)


def test_a_plugin_prints_a_token(tmp_path):
    script = """echo "{\\"status\\": {\\"token\\": \\"$GREETING-$1\\"}}" """
    path = plugin(tmp_path, script, args=["world"], env=[{"name": "GREETING", "value": "hello"}])
    assert fetch_token(cluster_access(path, None, 5)) == "hello-world"


def test_a_plugin_is_told_how_it_is_called(tmp_path):
    script = """echo "$KUBERNETES_EXEC_INFO" > "$(dirname "$0")/info"; echo '{"status": {"token": "x"}}'"""
    fetch_token(cluster_access(plugin(tmp_path, script, provideClusterInfo=True), None, 5))
    info = json.loads((tmp_path / "info").read_text())
    assert info["kind"] == "ExecCredential"
    assert info["spec"]["cluster"]["server"] == "https://one.example:6443"


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("echo oops >&2; exit 3", "ended with 3: oops"),
        ("echo secret-text", "no ExecCredential"),
        ("exit 1", "no message"),
    ],
)
def test_a_plugin_that_fails_and_never_shows_what_it_printed(tmp_path, script, told):
    with pytest.raises(WorldError, match=told) as error:
        fetch_token(cluster_access(plugin(tmp_path, script), None, 5))
    assert "secret-text" not in str(error.value)


def test_a_plugin_that_is_not_installed_gives_its_hint(tmp_path):
    spec = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "no-such-plugin",
        "installHint": "brew install x",
    }
    with pytest.raises(WorldError, match="not found") as error:
        fetch_token(cluster_access(with_user(tmp_path / "k", exec=spec), None, 5))
    assert error.value.remedy == "brew install x"


def test_an_old_plugin_protocol(tmp_path):
    spec = {"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "x"}
    with pytest.raises(WorldError, match="v1alpha1"):
        fetch_token(cluster_access(with_user(tmp_path / "k", exec=spec), None, 5))


def test_a_certificate_that_is_none(tmp_path):
    data = base64.b64encode(b"no PEM").decode()
    user = {"client-certificate-data": data, "client-key-data": data}
    with pytest.raises(WorldError, match="client certificate"):
        tls(cluster_access(with_user(tmp_path / "k", **user), None, 5))
