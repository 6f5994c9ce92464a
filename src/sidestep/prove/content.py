"""What the proof of one namespace rests on, as a digest: where that is the same, so is what differs there.

A destination rests on the objects and pods of its own namespace and of those to which routes, waypoints, endpoints and
other names lead from it, in both meshes; on who calls, from wherever; and on everything that is not known to count for
one namespace alone. Of pods elsewhere only that counts by which callers and their traffic are told apart.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from operator import is_
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.model.kinds import GATEWAY, KINDS, NAMESPACE, POD, Kind
from sidestep.model.mesh import PODS
from sidestep.model.resource import Resource
from sidestep.prove.affected import COUNT_FOR_PODS, COUNT_FOR_POLICY
from sidestep.prove.guards import Guards
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Instances, Mode
from sidestep.semantics.mesh_config import configures
from sidestep.semantics.service_index import Service

_ASKED_FOR: tuple[Kind[Any], ...] = (GATEWAY, NAMESPACE)
"""Kinds by which waypoints are found that pods and Services ask for."""
_NARROW = COUNT_FOR_POLICY | COUNT_FOR_PODS | {"Service"}
_NARROW_KINDS: tuple[Kind[Any], ...] = tuple(kind for kind in KINDS if kind.name in _NARROW and kind is not POD)
_NARROW_BY_KEY = {kind.key: kind for kind in _NARROW_KINDS}
_KEYS = frozenset(kind.key for kind in KINDS)
_encode = msgspec.msgpack.Encoder(order="deterministic", enc_hook=repr).encode


class Content(Struct, frozen=True, dict=True):
    """Of two meshes, and of the terms on which they are compared.

    Attributes:
        before: the first mesh.
        after: the second.
        terms: a digest of all else that counts: the terms, and the program itself.
    """

    before: MeshIndex
    after: MeshIndex
    terms: str

    def digest(self, namespace: str) -> str:
        """Of all that the proof of a namespace rests on; empty where nobody can tell what that is."""
        near = self._reached(namespace)
        if any(side.has_gateways(space) for side in self._sides for space in near):
            return ""
        own = tuple((space, *(side.own(space) for side in self._sides)) for space in sorted(near))
        return _digest((self.everywhere, namespace, own))

    def beside(self, known: "Content") -> None:
        """Take over what is known of two meshes that share most of what is in these, so that it is not found again."""
        one, other = known._sides  # noqa: SLF001 - another of its kind
        vars(self)["_sides"] = one.of(self.before), other.of(self.after)

    @cached_property
    def _sides(self) -> tuple["_Side", "_Side"]:
        one, other = _Side(Guards(self.before)), _Side(Guards(self.after))
        other.take_over(one)
        return one, other

    @cached_property
    def everywhere(self) -> str:
        """A digest of what counts for all namespaces."""
        return _digest((self.terms, *(side.everywhere for side in self._sides)))

    def _reached(self, namespace: str) -> set[str]:
        """Namespaces to which anything leads from one, in either mesh, itself among them."""
        found, waiting = {namespace}, [namespace]
        while waiting:
            space = waiting.pop()
            new = {each for side in self._sides for each in side.leads_to(space)} - found
            found |= new
            waiting.extend(new)
        return found


class _Side(Struct, frozen=True, dict=True):
    """One of the meshes."""

    guards: Guards

    @property
    def index(self) -> MeshIndex:
        return self.guards.index

    def of(self, index: MeshIndex) -> "_Side":
        """The same of another mesh, which knows what this one has found out of the very same things."""
        if index is self.index:
            return self
        made = _Side(Guards(index))
        made.take_over(self)
        changed = made._changed_since(self)
        vars(made)["_own"] = {space: own for space, own in self._own.items() if space not in changed}
        return made

    def _changed_since(self, other: "_Side") -> set[str]:
        """Namespaces of which not all is the very same in another mesh."""
        found: set[str] = set()
        for kind in _NARROW_KINDS:
            for alone in self.index.mesh.apart_from(other.index.mesh, kind.key):
                found.update(each.meta.namespace for each in alone)
        for alone in self.index.mesh.apart_from(other.index.mesh, PODS):
            found.update(each.namespace for each in alone)
        if self.index.workloads is not other.index.workloads:
            one, two = self.index.by_namespace, other.index.by_namespace
            found.update(space for space in {*one, *two} if not _are_same(one.get(space, ()), two.get(space, ())))
        return found

    def take_over(self, other: "_Side") -> None:
        """Know what the other mesh finds out of the very same things."""
        one, index = other.index, self.index
        if index.workloads is not one.workloads:
            return
        vars(self)["callers"] = other.callers
        alike = all(index.mesh.of(kind) is one.mesh.of(kind) for kind in _ASKED_FOR)
        if alike and index.services is one.services and index.routing is one.routing:
            vars(self)["led"] = other.led

    @cached_property
    def callers(self) -> str:
        """Who calls, from wherever."""
        return _digest_of(_as_caller(each) for groups in self.index.workloads.values() for each in groups)

    @cached_property
    def everywhere(self) -> str:
        """What counts for every namespace."""
        mesh, root = self.index.mesh, self.index.settings.root_namespace
        wide = (_said(key, each) for key in mesh.resources for each in self._wide(key, root) if configures(each))
        gaps = [gap for gap in mesh.gaps if gap.resource in _KEYS]
        told = (
            self.index.settings, mesh.source.kind, mesh.source.namespaces, gaps, self._shared_addresses,
            [_said("", each) for each in mesh.others],
        )  # fmt: skip
        return _digest_of((_encode(told), *wide, self.callers.encode()))

    def _wide(self, key: str, root: str) -> Iterable[Resource[Any]]:
        """Objects of a kind that count for more than their namespace."""
        mesh, narrow = self.index.mesh, _NARROW_BY_KEY.get(key)
        return mesh.resources[key] if narrow is None else mesh.in_namespace(narrow, root)

    @cached_property
    def _shared_addresses(self) -> list[tuple[str, str]]:
        """Addresses of services that others have too, and names of which: who wins counts for all of them."""
        services = self.index.services.services
        times = Counter(vip for each in services for vip in each.vips)
        known = self.index.by_address
        return [(vip, each.host) for each in services for vip in each.vips if times[vip] > 1 or vip in known]

    def own(self, namespace: str) -> str:
        """All of a namespace."""
        known = self._own.get(namespace)
        if known is None:
            pods = map(_encode, self.index.by_namespace.get(namespace, ()))
            known = self._own[namespace] = _digest_of((*self._objects(namespace), *pods))
        return known

    @cached_property
    def _own(self) -> dict[str, str]:
        return {}

    def _objects(self, namespace: str) -> Iterator[bytes]:
        mesh = self.index.mesh
        return (_said(kind.key, each) for kind in _NARROW_KINDS for each in mesh.in_namespace(kind, namespace))

    def has_gateways(self, namespace: str) -> bool:
        """Whether requests may leave it again for anywhere."""
        return any(each.mode is Mode.GATEWAY for each in self.index.by_namespace.get(namespace, ()))

    def leads_to(self, namespace: str) -> set[str]:
        """Namespaces to which services or pods of one lead by a single step."""
        known = self.led.get(namespace)
        if known is None:
            known = self.led[namespace] = self._leads_to(namespace)
        return known

    @cached_property
    def led(self) -> dict[str, set[str]]:
        """What is known of where namespaces lead."""
        return {}

    def _leads_to(self, namespace: str) -> set[str]:
        found: set[str] = set()
        for service in self._services.get(namespace, ()):
            found.update(self._from_service(service))
        bound = map(self.index.workload_waypoint, self.index.by_namespace.get(namespace, ()))
        return found | {each.namespace for each in bound if each is not None}

    def _from_service(self, service: Service) -> Iterator[str]:
        index = self.index
        bound = index.waypoint_of(service)
        if bound is not None:
            yield bound.namespace
        yield from (pods.namespace for pods in index.behind(service))
        names = (service.host, service.external_name, *self.guards.targets(service.host))
        named = (index.services.named(name, service.namespace) for name in names if name)
        yield from (each.namespace for each in named if each is not None)

    @cached_property
    def _services(self) -> Mapping[str, list[Service]]:
        found: dict[str, list[Service]] = {}
        for each in self.index.services.services:
            found.setdefault(each.namespace, []).append(each)
        return found


def _are_same(one: tuple[Instances, ...], other: tuple[Instances, ...]) -> bool:
    return len(one) == len(other) and all(map(is_, one, other))


def _said(kind: str, found: Resource[Any]) -> bytes:
    """What an object says; evidence has no body, and is what it shows."""
    told = found.body or _encode((found.api_version, found.meta, found.view))
    return _encode((kind, found.meta.namespace, found.meta.name, told))


def _as_caller(pods: Instances) -> bytes:
    """What counts of pods elsewhere: who they are, and what becomes of what they send."""
    return _encode((
        pods.workload, pods.place, pods.mode, pods.native, pods.hbone, pods.captures, pods.addresses, pods.twins,
        pods.count, pods.ready, pods.declared, pods.assumed, pods.labels, pods.shape.annotations, pods.account,
        pods.shape.spec.host_network, pods.container_ports,
    ))  # fmt: skip


def _digest(told: object) -> str:
    return _digest_of((_encode(told),))


def _digest_of(parts: Iterable[bytes]) -> str:
    found = hashlib.blake2b(digest_size=20)
    for part in parts:
        found.update(len(part).to_bytes(8, "big"))
        found.update(part)
    return found.hexdigest()
