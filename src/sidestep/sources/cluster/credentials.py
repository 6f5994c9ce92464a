"""Prove who asks: tokens, token files that are rotated, programs that print credentials, client certificates."""

import os
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from msgspec import Struct

from sidestep.errors import WorldError
from sidestep.sources.cluster.access import Access, Credentials, ExecPlugin

_EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_PLUGIN_SECONDS = 60
_UNAUTHORIZED = 401


class _Status(Struct, rename="camel", frozen=True):
    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None


class _ExecCredential(Struct, frozen=True):
    status: _Status = _Status()


class TokenAuth(httpx2.Auth):
    """A bearer token, fetched when first needed and once more when the server refuses it."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._token: str | None = None
        self._lock = threading.Lock()

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        """Send; on 401 fetch the token anew and send again."""
        sent = self._current(refused=None)
        if sent:
            request.headers["Authorization"] = f"Bearer {sent}"
        response = yield request
        if response.status_code != _UNAUTHORIZED or sent is None:
            return
        renewed = self._current(refused=sent)
        if renewed != sent:
            request.headers["Authorization"] = f"Bearer {renewed}"
            yield request

    def _current(self, refused: str | None) -> str | None:
        with self._lock:
            if self._token is None or self._token == refused:
                self._token = fetch_token(self._access)
            return self._token


def authentication(access: Access) -> httpx2.Auth:
    """How requests prove who asks."""
    who = access.credentials
    has_token = who.token_file or who.token or who.plugin
    if who.username and who.password and not has_token:
        return httpx2.BasicAuth(who.username, who.password)
    return TokenAuth(access)


def fetch_token(access: Access) -> str | None:
    """The token, from its file, the configuration or a plug-in.

    Raises:
        WorldError: the file cannot be read, or the plug-in fails.
    """
    who = access.credentials
    if who.token_file:
        try:
            return Path(who.token_file).read_text("utf-8").strip()
        except OSError as error:
            raise WorldError(error.strerror or str(error), where=who.token_file, remedy="check tokenFile") from error
    if who.token:
        return who.token
    return run_plugin(who.plugin, access).token if who.plugin else None


def run_plugin(plugin: ExecPlugin, access: Access) -> _Status:
    """Run a credential plug-in; its output is never shown, for it is secret.

    Raises:
        WorldError: it is not installed, fails, hangs, or prints something else.
    """
    if plugin.api_version not in _EXEC_VERSIONS:
        raise WorldError(
            f"credential plug-in speaks {plugin.api_version}", where=plugin.command, remedy="use v1 or v1beta1"
        )
    try:
        done = subprocess.run(  # noqa: S603 - the user's own kubeconfig names the program; no shell
            [plugin.command, *plugin.args],
            env={**os.environ, **dict(plugin.env), "KUBERNETES_EXEC_INFO": _exec_info(plugin, access)},
            capture_output=True,
            timeout=_PLUGIN_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except FileNotFoundError as error:
        hint = plugin.install_hint or "install the credential plug-in that the kubeconfig names"
        raise WorldError("credential plug-in not found", where=plugin.command, remedy=hint) from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise WorldError(f"credential plug-in: {error}", where=plugin.command, remedy="run it by hand") from error
    if done.returncode != 0:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise WorldError(
            f"credential plug-in ended with {done.returncode}: {last[0]}", where=plugin.command, remedy="log in again"
        )
    try:
        return msgspec.json.decode(done.stdout, type=_ExecCredential).status
    except msgspec.DecodeError as error:
        raise WorldError(
            "credential plug-in printed no ExecCredential", where=plugin.command, remedy="run it by hand"
        ) from error


def _exec_info(plugin: ExecPlugin, access: Access) -> str:
    spec: dict[str, Any] = {"interactive": False}
    if plugin.provides_cluster_info:
        spec["cluster"] = {"server": access.server, "insecure-skip-tls-verify": access.insecure}
    info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec}
    return msgspec.json.encode(info).decode()


def tls(access: Access) -> ssl.SSLContext:
    """Whom we trust, and with which certificate we answer.

    Raises:
        WorldError: a certificate or key cannot be used.
    """
    try:
        authority = access.authority.decode() if access.authority else None
        context = ssl.create_default_context(cadata=authority)
    except (ssl.SSLError, ValueError) as error:
        raise WorldError(f"certificate authority: {error}", where=access.name, remedy="check the kubeconfig") from error
    if access.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _client_certificate(access.credentials, access)
    if certificate and key:
        _load(context, certificate, key, access.name)
    return context


def _client_certificate(who: Credentials, access: Access) -> tuple[bytes | None, bytes | None]:
    if who.certificate or not who.plugin:
        return who.certificate, who.key
    status = run_plugin(who.plugin, access)
    certificate, key = status.client_certificate_data, status.client_key_data
    return (certificate.encode(), key.encode()) if certificate and key else (None, None)


def _load(context: ssl.SSLContext, certificate: bytes, key: bytes, name: str) -> None:
    """OpenSSL reads certificates from files only: for a moment there is one that nobody else can read."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(certificate + b"\n" + key)
        file.flush()
        try:
            context.load_cert_chain(file.name)
        except (ssl.SSLError, OSError) as error:
            raise WorldError(f"client certificate: {error}", where=name, remedy="check the kubeconfig") from error
