"""The door for a live cluster."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct

from sidestep.errors import TransportError
from sidestep.model.gaps import Gap, GapReason, Remark
from sidestep.model.kinds import CONFIG_MAP, CONTROLLERS, NAMESPACE, POD, WEBHOOK, Kind
from sidestep.model.mesh import Mesh, SourceInfo, SourceKind
from sidestep.model.metadata import Metadata
from sidestep.model.origin import ClusterOrigin
from sidestep.sources.cluster.access import Access
from sidestep.sources.cluster.client import ApiClient, FailureKind, RequestError
from sidestep.sources.cluster.discovery import listed_kinds, served_paths
from sidestep.sources.cluster.listing import Page, Params, Restart, pages
from sidestep.sources.cluster.rbac import config_map_names
from sidestep.sources.interface import Progress, Report, unheard
from sidestep.sources.objects.builder import MeshBuilder, TypeMeta

_KINDS_AT_ONCE = 6
_ROOT_NAMESPACE = "istio-system"
_ISTIO_WEBHOOK = b"sidecar-injector.istio.io"
_SELECTED = frozenset({POD.key, *(kind.key for kind in CONTROLLERS)})
_REASONS = {
    FailureKind.FORBIDDEN: GapReason.FORBIDDEN,
    FailureKind.UNAUTHORIZED: GapReason.UNAUTHORIZED,
    FailureKind.ABSENT: GapReason.ABSENT,
    FailureKind.GONE: GapReason.TIMEOUT,
    FailureKind.TIMEOUT: GapReason.TIMEOUT,
    FailureKind.UNREACHABLE: GapReason.UNREACHABLE,
    FailureKind.UNEXPECTED: GapReason.MALFORMED,
}


class _Identified(Struct, frozen=True):
    metadata: Metadata = Metadata()


class _Collection(Struct, frozen=True):
    """One LIST: a kind, where it is served, and which part of it is wanted."""

    kind: Kind[Any]
    path: str
    params: Params = ()


class ClusterSource:
    """A live cluster.

    Args:
        access: where and as whom.
        namespaces: read only these (and mesh-wide settings in istio-system); empty for all.
        selector: label selector for pods and their controllers, as kubectl's `-l`.
        client: another way to the server; tests give their own.
    """

    def __init__(
        self,
        access: Access,
        namespaces: tuple[str, ...] = (),
        selector: str = "",
        client: ApiClient | None = None,
    ) -> None:
        self._access = access
        self._namespaces = namespaces
        self._selector = selector
        self._client = client

    def read(self, report: Report = unheard) -> Mesh:
        """Everything that a mesh is made of; what may not be read is a gap that names the missing right.

        Raises:
            TransportError: the server does not answer, or refuses the credentials.
        """
        client = self._client or ApiClient(self._access)
        try:
            return _Reading(client, self._namespaces, self._selector, report).mesh()
        finally:
            if self._client is None:
                client.close()


class _Reading:
    """One reading of one cluster."""

    def __init__(self, client: ApiClient, namespaces: tuple[str, ...], selector: str, report: Report) -> None:
        self._client = client
        self._namespaces = namespaces
        self._selector = selector
        self._report = report
        self._builder = MeshBuilder()
        self._lock = threading.Lock()
        self._revisions: set[str] = set()
        self._cluster_id = ""

    def mesh(self) -> Mesh:
        """Read all kinds, several at a time, then the ConfigMaps of the revisions found."""
        with ThreadPoolExecutor(_KINDS_AT_ONCE) as executor:
            version, paths = self._introduce(executor)
            list(executor.map(self._list, self._collections(paths)))
            if CONFIG_MAP.key in paths:
                list(executor.map(self._list, self._config_maps(paths[CONFIG_MAP.key])))
        if self._client.access.insecure:
            self._builder.remark(Remark(self._client.access.name, "the server's certificate was not checked"))
        now = datetime.now(UTC).isoformat(timespec="seconds")
        name, spaces = self._client.access.name, self._namespaces
        return self._builder.build(SourceInfo(SourceKind.CLUSTER, name, self._cluster_id, version, now, spaces))

    def _introduce(self, executor: ThreadPoolExecutor) -> tuple[str, dict[str, str]]:
        """The server's version and what it serves."""
        where = self._client.access.server
        try:
            answer = self._client.get_json("/version")
            paths = served_paths(self._client, executor)
        except RequestError as error:
            if error.kind is FailureKind.UNAUTHORIZED:
                remedy = "credentials are expired or invalid: log in again, or choose another --context"
                raise TransportError(
                    f"the API server refuses us: {error.detail}", where=where, remedy=remedy
                ) from error
            remedy = "check --context, the network and --request-timeout, or read files with --from"
            raise TransportError(f"cannot read the cluster: {error.detail}", where=where, remedy=remedy) from error
        for kind in listed_kinds():
            if kind.key not in paths and not kind.optional:
                self._builder.gap(Gap(kind.key, GapReason.ABSENT, "the cluster does not serve this kind"))
        version = answer.get("gitVersion", "") if isinstance(answer, dict) else ""
        return str(version), paths

    def _collections(self, paths: dict[str, str]) -> Iterator[_Collection]:
        for kind in listed_kinds():
            if kind is CONFIG_MAP or kind.key not in paths:
                continue
            selected = (("labelSelector", self._selector),) if self._selector and kind.key in _SELECTED else ()
            for path in self._scoped(kind, paths[kind.key]):
                yield _Collection(kind, path, selected)

    def _config_maps(self, path: str) -> Iterator[_Collection]:
        for name in config_map_names(self._revisions):
            yield _Collection(CONFIG_MAP, f"{path}/{CONFIG_MAP.plural}", (("fieldSelector", f"metadata.name={name}"),))

    def _scoped(self, kind: Kind[Any], path: str) -> Iterator[str]:
        if not self._namespaces or not kind.namespaced:
            yield f"{path}/{kind.plural}"
            return
        shared = (_ROOT_NAMESPACE,) if kind.group.endswith("istio.io") else ()
        for namespace in dict.fromkeys((*self._namespaces, *shared)):
            yield f"{path}/namespaces/{namespace}/{kind.plural}"

    def _list(self, wanted: _Collection) -> None:
        kind = wanted.kind
        prefix, _, _ = wanted.path.removeprefix("/apis/").removeprefix("/api/").partition(f"/{kind.plural}")
        version = prefix.partition("/namespaces/")[0]
        done = 0
        try:
            for page in pages(self._client, wanted.path, wanted.params):
                if isinstance(page, Restart):
                    done = 0
                    self._locked(lambda: self._builder.forget(kind))
                    continue
                done += len(page.items or ())
                self._add(page, kind, TypeMeta(version, kind.name))
                left = page.metadata.remaining_item_count
                self._report(Progress(kind.plural, done, None if left is None else done + left))
        except RequestError as error:
            gap = _gap(wanted, error)
            self._locked(lambda: self._builder.gap(gap))

    def _add(self, page: Page, kind: Kind[Any], declared: TypeMeta) -> None:
        origin = ClusterOrigin(self._client.access.name, page.metadata.resource_version)
        items = page.items or []
        with self._lock:
            for raw in _istio_only(items) if kind is WEBHOOK else items:
                self._builder.add(raw, origin, declared)
                if kind is WEBHOOK or kind is NAMESPACE:
                    self._notice(raw, kind)

    def _notice(self, raw: Raw, kind: Kind[Any]) -> None:
        """Remember the revisions that webhooks name, and the cluster's identity."""
        try:
            meta = msgspec.json.decode(raw, type=_Identified).metadata
        except msgspec.DecodeError:
            return
        if kind is WEBHOOK:
            self._revisions.add(meta.labels.get("istio.io/rev", ""))
        elif meta.name == "kube-system":
            self._cluster_id = meta.uid

    def _locked(self, action: Callable[[], None]) -> None:
        with self._lock:
            action()


def _istio_only(items: list[Raw]) -> Iterator[Raw]:
    return (raw for raw in items if _ISTIO_WEBHOOK in bytes(raw))


def _gap(wanted: _Collection, error: RequestError) -> Gap:
    reason = _REASONS[error.kind]
    kind = wanted.kind
    named = f" named {wanted.params[0][1].partition('=')[2]}" if kind is CONFIG_MAP else ""
    remedy = ""
    if error.kind is FailureKind.FORBIDDEN:
        scope = "" if "/namespaces/" not in wanted.path else f" in {wanted.path.split('/namespaces/')[1].split('/')[0]}"
        remedy = f"allow verb list on {kind.key}{named}{scope} (sidestep rbac prints the ClusterRole)"
    elif error.kind in (FailureKind.TIMEOUT, FailureKind.GONE):
        remedy = "raise --request-timeout"
    return Gap(kind.key, reason, error.detail, remedy)
