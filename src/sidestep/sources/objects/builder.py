"""Collect objects into a `Mesh`: known kinds typed, unknown ones carried, Secrets never opened."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw, Struct

from sidestep.model.build import carried, known_kind, typed
from sidestep.model.gaps import Gap, GapReason, Remark
from sidestep.model.kinds import POD, Kind
from sidestep.model.mesh import Mesh, SourceInfo
from sidestep.model.origin import Origin
from sidestep.model.pods import Pod
from sidestep.model.resource import Resource
from sidestep.sources.objects.part import Part, Place
from sidestep.sources.objects.pods import PodDecoder, WirePod

_USUAL_HEADER = re.compile(rb'\s*\{\s*"apiVersion"\s*:\s*"([^"\\]*)"\s*,\s*"kind"\s*:\s*"([^"\\]*)"')


_VERSIONED = ("istio.io", "gateway.networking.k8s.io")
"""Groups all of whose versions are known."""


class TypeMeta(Struct, rename="camel"):
    """What an object says it is; empty where it does not say."""

    api_version: str = ""
    kind: str = ""


_decode_header = msgspec.json.Decoder(TypeMeta).decode


def type_meta(raw: bytes | Raw) -> TypeMeta:
    """The apiVersion and kind of an object, without decoding the rest where they come first, as they usually do.

    Raises:
        msgspec.DecodeError, msgspec.ValidationError: not a JSON object, or they are no strings.
    """
    usual = _USUAL_HEADER.match(raw)
    return _spelled(usual[1], usual[2]) if usual else _decode_header(raw)


@lru_cache(maxsize=256)
def _spelled(api_version: bytes, kind: bytes) -> TypeMeta:
    return TypeMeta(api_version.decode(errors="replace"), kind.decode(errors="replace"))


class MeshBuilder:
    """Takes objects one by one and gives one `Mesh`.

    Args:
        pods: decodes pods; None for one that knows none yet.
    """

    def __init__(self, pods: PodDecoder | None = None) -> None:
        self._pod_decoder = pods or PodDecoder()
        self._pods: list[Pod] = []
        self._resources: dict[str, list[Resource[Any]]] = {}
        self._others: list[Resource[None]] = []
        self._gaps: list[Gap] = []
        self._remarks: list[Remark] = []
        self._secrets = 0
        self._places: dict[Place, Origin] = {}
        self._unknown_versions: set[str] = set()

    def add(self, raw: bytes | Raw, origin: Origin, declared: TypeMeta | None = None) -> None:
        """Add one object.

        Args:
            raw: its JSON.
            origin: where it was read.
            declared: its type, where the surroundings say it (items of a `PodList` do not).
        """
        try:
            header = declared or type_meta(raw)
            self._add(raw, origin, header)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            self.gap(_malformed(origin, error))

    def add_pods(self, wires: Iterable[WirePod], origin: Origin) -> None:
        """Add pods that were decoded together, from one place."""
        for wire in wires:
            try:
                self._add_pod(self._pod_decoder.pod(wire, origin), origin)
            except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
                self.gap(_malformed(origin, error))

    def take(self, part: Part) -> None:
        """Add what was read before, as if it were read now."""
        for version, remark in part.versions:
            self._note_unknown(version, remark)
        self._others += part.others
        self._gaps += part.gaps
        self._remarks += part.remarks
        self._secrets += part.secrets
        if part.has_each_once and self._places.keys().isdisjoint(part.places):
            self._places.update(part.places)
            self._pods += part.pods
            for key, found in part.resources.items():
                self._resources.setdefault(key, []).extend(found)
            return
        for pod in part.pods:
            self._add_pod(pod, pod.origin)
        for key, found in part.resources.items():
            for each in found:
                self._keep(key, each)

    def carry(self, raw: bytes | Raw, origin: Origin) -> None:
        """Add one object without judging it, whatever its kind.

        Raises:
            msgspec.MsgspecError: not a JSON object.
        """
        self._carry(raw, origin, type_meta(raw))

    def gap(self, gap: Gap) -> None:
        """Record something that could not be read."""
        self._gaps.append(gap)

    def remark(self, remark: Remark) -> None:
        """Record something worth saying."""
        self._remarks.append(remark)

    def forget(self, kind: Kind[Any]) -> None:
        """Drop everything of a kind, to read it again from the start."""
        if kind is POD:
            self._pods.clear()
        self._resources.pop(kind.key, None)
        self._places = {key: place for key, place in self._places.items() if key[0] != kind.key}

    def build(self, source: SourceInfo) -> Mesh:
        """The mesh of all that was added."""
        return Mesh(
            source,
            tuple(self._pods),
            {key: tuple(found) for key, found in self._resources.items()},
            tuple(self._others),
            tuple(sorted(set(self._gaps))),
            tuple(sorted(set(self._remarks))),
            self._secrets,
        )

    def _add(self, raw: bytes | Raw, origin: Origin, header: TypeMeta) -> None:
        kind = known_kind(header.api_version, header.kind)
        if kind is POD:
            self._add_pod(self._pod_decoder.decode(raw, origin), origin)
        elif header.kind == "Secret" and "/" not in header.api_version:
            self._secrets += 1
        elif kind is None:
            self._carry(raw, origin, header)
        else:
            self._add_typed(kind, raw, origin, header)

    def _add_pod(self, pod: Pod, origin: Origin) -> None:
        if self._is_new((POD.key, pod.namespace, pod.name), origin):
            self._pods.append(pod)

    def _add_typed(self, kind: Kind[Any], raw: bytes | Raw, origin: Origin, header: TypeMeta) -> None:
        try:
            resource = typed(kind, raw, header.api_version, header.kind, origin)
        except msgspec.ValidationError as error:
            detail = f"{header.kind}: {error}"
            self.gap(Gap(str(origin), GapReason.MALFORMED, detail, "correct the field; the object was not judged"))
            self._carry(raw, origin, header)
            return
        self._note_version(kind, header.api_version, origin)
        self._keep(kind.key, resource)

    def _keep(self, key: str, found: Resource[Any]) -> None:
        if self._is_new((key, found.meta.namespace, found.meta.name), found.origin):
            self._resources.setdefault(key, []).append(found)

    def _note_version(self, kind: Kind[Any], api_version: str, origin: Origin) -> None:
        """A version that nobody knows here may mean something else by the same fields: told once."""
        group, _, version = api_version.rpartition("/")
        if group.endswith(_VERSIONED) and version not in kind.versions:
            text = f"{kind.name} of {api_version}: that version is not known, and is read as {kind.api_version()}"
            self._note_unknown(api_version, Remark(str(origin), text))

    def _note_unknown(self, api_version: str, remark: Remark) -> None:
        if api_version not in self._unknown_versions:
            self._unknown_versions.add(api_version)
            self.remark(remark)

    def _is_new(self, key: Place, origin: Origin) -> bool:
        """Whether an object is met for the first time; the first one counts, and a second one is told."""
        if not key[2]:
            return True
        first = self._places.get(key)
        if first is None:
            self._places[key] = origin
            return True
        kind, namespace, name = key
        self.remark(Remark(str(origin), f"{kind} {namespace}/{name} stands in {first} too, which counts"))
        return False

    def _carry(self, raw: bytes | Raw, origin: Origin, header: TypeMeta) -> None:
        self._others.append(carried(raw, header.api_version, header.kind, origin))


def _malformed(origin: Origin, error: Exception) -> Gap:
    return Gap(str(origin), GapReason.MALFORMED, str(error), "correct the object; it was left out")
