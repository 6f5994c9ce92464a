"""Write a snapshot: whole or not at all."""

import gzip
import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec
from msgspec import Raw

from sidestep.errors import WorldError
from sidestep.model.gaps import Gap, Remark
from sidestep.model.kinds import KINDS, POD
from sidestep.model.mesh import Mesh, SourceInfo
from sidestep.model.origin import ClusterOrigin, FileOrigin, Origin
from sidestep.model.pods import Pod, PodAddress, PodShape, PodStatus
from sidestep.sources.snapshot.anonymous import anonymous
from sidestep.sources.snapshot.layout import Line, Manifest, Trailer
from sidestep.sources.snapshot.objects import opaque_tree, pod_metadata, resource_tree, shape_tree
from sidestep.sources.snapshot.pseudonyms import Pseudonyms
from sidestep.sources.snapshot.sanitize import is_taken, sanitized

_LEVEL = 1
_KIND_KEYS = frozenset(kind.key for kind in KINDS)
_encode = msgspec.json.Encoder().encode


def write_snapshot(mesh: Mesh, path: str, *, created: str, tool_version: str, hash_key: bytes | None = None) -> None:
    """Write a mesh to a file that only its owner can read; an existing file is replaced when all is written.

    Args:
        mesh: what to write.
        path: the file.
        created: RFC 3339 time.
        tool_version: of this sidestep.
        hash_key: makes names, label values and hosts keyed hashes; the same key gives the same hashes.

    Raises:
        WorldError: the file cannot be written.
    """
    writer = _Writer(mesh, Pseudonyms(hash_key, mesh) if hash_key is not None else None)
    target = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as raw:
                with gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as stream:
                    writer.write(cast("BinaryIO", stream), writer.manifest(created, tool_version))
                raw.flush()
                os.fsync(raw.fileno())
            Path(temporary).replace(target)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as error:
        raise WorldError(error.strerror or str(error), where=path, remedy="name a file that can be written") from error


class _Writer:
    def __init__(self, mesh: Mesh, names: Pseudonyms | None) -> None:
        self._mesh = mesh
        self._names = names
        self._shapes: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}

    def manifest(self, created: str, tool_version: str) -> Manifest:
        """The first line."""
        mesh = self._mesh
        counts = {POD.key: len(mesh.pods)} if mesh.pods else {}
        left_out: dict[str, int] = {}
        for key, found in mesh.resources.items():
            taken = sum(map(is_taken, found))
            if taken:
                counts[key] = taken
            if taken < len(found):
                left_out[key] = len(found) - taken
        if mesh.others:
            counts["others"] = len(mesh.others)
        return Manifest(
            tool_version=tool_version,
            created=created,
            source=self._source(mesh.source),
            counts=counts,
            left_out=left_out,
            skipped_secrets=mesh.skipped_secrets,
            hashed=self._names is not None,
            gaps=tuple(self._gap(gap) for gap in mesh.gaps),
            remarks=self._remarks(mesh.remarks),
        )

    def write(self, stream: BinaryIO, manifest: Manifest) -> None:
        """All lines."""
        checksum = hashlib.sha256()
        put = _counted(stream, checksum.update)
        put(_encode(manifest))
        count = 0
        for line in self._lines():
            put(_encode(line))
            count += 1
        stream.write(_encode(Trailer(count=count, sha256=checksum.hexdigest())) + b"\n")

    def _lines(self) -> Iterator[Line]:
        for pod in self._mesh.pods:
            yield Line(self._origin(pod.origin), Raw(_encode(self._pod(pod))))
        for found in self._mesh.resources.values():
            for resource in filter(is_taken, found):
                tree = self._private(sanitized(resource_tree(resource)))
                yield Line(self._origin(resource.origin), Raw(_encode(tree)))
        for other in self._mesh.others:
            tree = self._private(sanitized(opaque_tree(other)))
            yield Line(self._origin(other.origin), Raw(_encode(tree)), opaque=True)

    def _private(self, tree: dict[str, Any]) -> dict[str, Any]:
        return anonymous(tree, self._names) if self._names else tree

    def _pod(self, pod: Pod) -> dict[str, Any]:
        metadata, spec = self._shape(pod.shape)
        own, node, status = pod_metadata(pod), pod.node, pod.status
        if self._names:
            own["name"], node = self._names.name(pod.name), self._names.name(node)
            status = _anonymous_status(status, self._names)
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**own, **metadata},
            "spec": {"nodeName": node, **spec},
            "status": status,
        }

    def _shape(self, shape: PodShape) -> tuple[dict[str, Any], dict[str, Any]]:
        """The encoded parts of a shape, once for all its pods."""
        known = self._shapes.get(id(shape))
        if known is None:
            tree = self._private({"apiVersion": "v1", "kind": "Pod", **sanitized(shape_tree(shape))})
            known = (_encoded_members(tree["metadata"]), _encoded_members(tree["spec"]))
            self._shapes[id(shape)] = known
        return known

    def _origin(self, origin: Origin) -> Origin:
        if self._names is None:
            return origin
        match origin:
            case FileOrigin():
                return msgspec.structs.replace(origin, path=self._names.whole(origin.path))
            case ClusterOrigin():
                return msgspec.structs.replace(origin, cluster=self._names.whole(origin.cluster))

    def _source(self, source: SourceInfo) -> SourceInfo:
        if self._names is None:
            return source
        names = self._names
        cluster_id = names.whole(source.cluster_id) if source.cluster_id else ""
        return msgspec.structs.replace(source, name=names.whole(source.name), cluster_id=cluster_id)

    def _gap(self, gap: Gap) -> Gap:
        """A gap as it was, or where names are hashed, what is missing without the words of a server or a path."""
        if self._names is None:
            return gap
        resource = gap.resource if gap.resource in _KIND_KEYS else self._names.whole(gap.resource)
        return Gap(resource, gap.reason)

    def _remarks(self, remarks: tuple[Remark, ...]) -> tuple[Remark, ...]:
        if self._names is None or not remarks:
            return remarks
        return (Remark("snapshot", f"{len(remarks)} remarks were left out because they hold names"),)


def _counted(stream: BinaryIO, count: Callable[[bytes], None]) -> Callable[[bytes], None]:
    def put(text: bytes) -> None:
        line = text + b"\n"
        count(line)
        stream.write(line)

    return put


def _encoded_members(tree: dict[str, Any]) -> dict[str, Any]:
    return {key: Raw(_encode(value)) for key, value in tree.items()}


def _anonymous_status(status: PodStatus, names: Pseudonyms) -> PodStatus:
    def renamed(statuses: Any) -> Any:
        return statuses and tuple(msgspec.structs.replace(one, name=names.name(one.name)) for one in statuses)

    return msgspec.structs.replace(
        status,
        pod_ip=names.text(status.pod_ip),
        pod_ips=status.pod_ips and tuple(PodAddress(names.text(each.ip)) for each in status.pod_ips),
        container_statuses=renamed(status.container_statuses),
        init_container_statuses=renamed(status.init_container_statuses),
    )
