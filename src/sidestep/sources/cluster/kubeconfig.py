"""Read kubeconfig files as client-go does: several are merged, the first to say something wins.

Source: k8s.io/client-go/tools/clientcmd (loader, ConfigOverrides) and `kubectl` documentation on KUBECONFIG.
"""

import base64
import binascii
import os
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from sidestep.errors import WorldError
from sidestep.model.yaml_tree import DocumentError, read_document
from sidestep.sources.cluster.access import Access, Credentials, ExecPlugin

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_VARIABLE = "KUBECONFIG"
_DEFAULT = "~/.kube/config"


class _Cluster(Struct, rename="kebab"):
    server: str = ""
    certificate_authority: str | None = None
    certificate_authority_data: str | None = None
    insecure_skip_tls_verify: bool = False
    tls_server_name: str | None = None
    proxy_url: str | None = None
    folder: str = field(default="", name="-folder")


class _Variable(Struct):
    name: str
    value: str


class _Exec(Struct, rename="camel"):
    command: str
    api_version: str = "client.authentication.k8s.io/v1"
    args: list[str] | None = None
    env: list[_Variable] | None = None
    install_hint: str = ""
    provide_cluster_info: bool = False


class _User(Struct, rename="kebab"):
    client_certificate: str | None = None
    client_certificate_data: str | None = None
    client_key: str | None = None
    client_key_data: str | None = None
    token: str | None = None
    token_file: str | None = field(default=None, name="tokenFile")
    username: str | None = None
    password: str | None = None
    exec: _Exec | None = None
    auth_provider: dict[str, Any] | None = None
    folder: str = field(default="", name="-folder")


class _Context(Struct, rename="kebab"):
    cluster: str = ""
    user: str = ""
    namespace: str = ""


class _NamedCluster(Struct):
    name: str
    cluster: _Cluster


class _NamedUser(Struct):
    name: str
    user: _User | None = None


class _NamedContext(Struct):
    name: str
    context: _Context


class _File(Struct, rename="kebab"):
    current_context: str = ""
    clusters: list[_NamedCluster] | None = None
    users: list[_NamedUser] | None = None
    contexts: list[_NamedContext] | None = None


class _Config(Struct):
    """All files merged."""

    current: str
    clusters: dict[str, _Cluster]
    users: dict[str, _User]
    contexts: dict[str, _Context]


def cluster_access(path: str | None, context: str | None, timeout: float) -> Access:
    """The cluster that kubectl would talk to.

    Args:
        path: of a kubeconfig; None for KUBECONFIG, then ~/.kube/config, then the pod's own service account.
        context: its name; None for the current one.
        timeout: seconds for one request.

    Raises:
        WorldError: there is no usable configuration, or it names something that is not there.
    """
    paths = _paths(path)
    if not paths:
        if context is None and (SERVICE_ACCOUNT / "token").exists():
            return _in_cluster(timeout)
        raise WorldError(
            "no kubeconfig found", where=_DEFAULT, remedy="name one with --kubeconfig, or read files with --from"
        )
    config = _merged(paths)
    where = os.pathsep.join(paths)
    name = context or config.current
    if not name:
        raise WorldError(
            "the kubeconfig has no current context", where=where, remedy=f"choose one with --context: {_names(config)}"
        )
    chosen = config.contexts.get(name)
    if chosen is None:
        raise WorldError(f"there is no context {name!r}", where=where, remedy=f"choose one of: {_names(config)}")
    return _access(config, name, chosen, where, timeout)


def _access(config: _Config, name: str, context: _Context, where: str, timeout: float) -> Access:
    cluster = config.clusters.get(context.cluster)
    if cluster is None or not cluster.server:
        raise WorldError(
            f"context {name!r} names cluster {context.cluster!r}, which has no server",
            where=where,
            remedy="correct the kubeconfig",
        )
    user = config.users.get(context.user) or _User()
    return Access(
        name,
        cluster.server.rstrip("/"),
        _credentials(user, where),
        _content(cluster.certificate_authority_data, cluster.certificate_authority, cluster.folder, where),
        cluster.insecure_skip_tls_verify,
        cluster.tls_server_name,
        cluster.proxy_url,
        context.namespace,
        timeout,
    )


def _credentials(user: _User, where: str) -> Credentials:
    if user.auth_provider is not None:
        raise WorldError(
            "auth-provider was removed from Kubernetes in 1.26", where=where, remedy="use an exec plugin of your cloud"
        )
    return Credentials(
        os.path.join(user.folder, user.token_file) if user.token_file else None,  # noqa: PTH118 - may be absolute
        user.token,
        _plugin(user.exec, user.folder) if user.exec else None,
        user.username,
        user.password,
        _content(user.client_certificate_data, user.client_certificate, user.folder, where),
        _content(user.client_key_data, user.client_key, user.folder, where),
    )


def _plugin(plugin: _Exec, folder: str) -> ExecPlugin:
    relative = os.sep in plugin.command and not os.path.isabs(plugin.command)  # noqa: PTH117 - a name on PATH stays one
    return ExecPlugin(
        str(Path(folder) / plugin.command) if relative else plugin.command,
        tuple(plugin.args or ()),
        tuple((variable.name, variable.value) for variable in plugin.env or ()),
        plugin.api_version,
        plugin.install_hint,
        plugin.provide_cluster_info,
    )


def _content(data: str | None, path: str | None, folder: str, where: str) -> bytes | None:
    """Inline data wins over a file, whose path is relative to its kubeconfig."""
    if data:
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error as error:
            raise WorldError(f"certificate data is no base64: {error}", where=where, remedy="correct it") from error
    if not path:
        return None
    file = Path(folder) / path
    try:
        return file.read_bytes()
    except OSError as error:
        raise WorldError(
            error.strerror or str(error), where=str(file), remedy=f"correct the path in {where}"
        ) from error


def _paths(path: str | None) -> list[str]:
    if path is not None:
        if not Path(path).is_file():
            raise WorldError("no such file", where=path, remedy="check --kubeconfig")
        return [path]
    named = os.environ.get(_VARIABLE)
    candidates = named.split(os.pathsep) if named else [str(Path(_DEFAULT).expanduser())]
    return [candidate for candidate in candidates if candidate and Path(candidate).is_file()]


def _merged(paths: list[str]) -> _Config:
    merged = _Config("", {}, {}, {})
    for path in paths:
        file = _read(path)
        folder = str(Path(path).resolve().parent)
        merged.current = merged.current or file.current_context
        for cluster in file.clusters or ():
            cluster.cluster.folder = folder
            merged.clusters.setdefault(cluster.name, cluster.cluster)
        for user in file.users or ():
            found = user.user or _User()
            found.folder = folder
            merged.users.setdefault(user.name, found)
        for context in file.contexts or ():
            merged.contexts.setdefault(context.name, context.context)
    return merged


def _read(path: str) -> _File:
    try:
        tree = read_document(Path(path).read_bytes()).value
        return msgspec.convert(tree or {}, _File)
    except OSError as error:
        raise WorldError(error.strerror or str(error), where=path, remedy="make it readable") from error
    except UnicodeDecodeError as error:
        raise WorldError("not UTF-8", where=path, remedy="is this a kubeconfig?") from error
    except DocumentError as error:
        raise WorldError(str(error), where=f"{path}:{error.line + 1}", remedy="correct the kubeconfig") from error
    except msgspec.ValidationError as error:
        raise WorldError(f"no kubeconfig: {error}", where=path, remedy="correct the field") from error


def _in_cluster(timeout: float) -> Access:
    """The service account of the pod that we run in."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc")
    port = os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    host = f"[{host}]" if ":" in host else host
    return Access(
        "in-cluster",
        f"https://{host}:{port}",
        Credentials(token_file=str(SERVICE_ACCOUNT / "token")),
        (SERVICE_ACCOUNT / "ca.crt").read_bytes(),
        namespace=(SERVICE_ACCOUNT / "namespace").read_text("utf-8").strip(),
        timeout=timeout,
    )


def _names(config: _Config) -> str:
    return ", ".join(sorted(config.contexts)) or "it has none"
