"""Whose name is it: workloads of a mesh by name, by pod, by address and by service account."""

import re
from collections.abc import Hashable, Iterable
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar

from msgspec import Struct

from sidestep.model.call_graph import Callee, Caller, CallerRole
from sidestep.model.kinds import SERVICE
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.model.ownership import parents, workload_of
from sidestep.model.templates import workload_templates
from sidestep.sources.telemetry.pod_names import KINDS, stem_of

NOBODY = ("", "unknown", "-")
_SPIFFE = re.compile(r"(?:spiffe://)?[^/]+/ns/([^/]+)/sa/([^/]+)")
_SERVICE = re.compile(r"([^.]+)\.([^.]+)\.svc(?:\..*)?")
_PASSED_THROUGH = re.compile(r"(?:Inbound)?PassthroughCluster(?:Ipv[46])?")
"""What Envoy calls a destination that was dialled by address."""
_DEFAULT = "default"
_KeyT = TypeVar("_KeyT", bound=Hashable)
_ValueT = TypeVar("_ValueT", bound=Hashable)


class _Address(Struct, frozen=True):
    """Whose an address is, and since when in Unix seconds; addresses are given to others when a pod is gone."""

    workload: WorkloadRef
    since: float | None


class Directory:
    """Names that measurements use, as the mesh knows them; a name that two go by is nobody's.

    Args:
        mesh: what runs now.
    """

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._known = parents(mesh)

    def caller(self, namespace: str, name: str, principal: str = "") -> Caller:
        """A caller by the name of its workload, else by its identity, of which at least the namespace is certain."""
        if name not in NOBODY:
            ref = self.workload(namespace, name)
            return Caller(CallerRole.WORKLOAD, ref.namespace, ref.kind, ref.name)
        match = _SPIFFE.fullmatch(principal)
        if match is None:
            return Caller()
        user = self._accounts.get((match[1], match[2]))
        if user is None:
            return Caller(namespace=match[1])
        return Caller(CallerRole.WORKLOAD, user.namespace, user.kind, user.name)

    def callee(self, namespace: str, name: str, host: str = "", service_namespace: str = "") -> Callee:
        """A callee by the name of its workload and the host it was called by, of which either may be unknown.

        A Service in front of a single workload tells that workload.
        """
        host = "" if host in NOBODY or (name not in NOBODY and _PASSED_THROUGH.fullmatch(host)) else host
        match = _SERVICE.fullmatch(host)
        service_namespace = match[2] if match else "" if service_namespace in NOBODY else service_namespace
        service, outside = (match[1], "") if match else ("", host)
        ref = self.workload(namespace, name) if name not in NOBODY else self._behind.get((service_namespace, service))
        if ref is None:
            return Callee(service_namespace=service_namespace, service=service, host=outside)
        return Callee(ref.namespace, ref.kind, ref.name, service_namespace, service, outside)

    def workload(self, namespace: str, name: str) -> WorkloadRef:
        """A workload by name, with its kind where only one goes by it."""
        space = "" if namespace in NOBODY else namespace
        return self._by_name.get((space, name)) or WorkloadRef(space, "", name)

    def of_pod(self, namespace: str, pod: str) -> WorkloadRef:
        """The workload of a pod: as the mesh knows it, else by the form of its name."""
        running = self._by_pod.get((namespace, pod))
        if running is not None:
            return running
        stem = stem_of(namespace, pod)
        if stem is None:
            return self.workload(namespace, pod)
        found = self.workload(namespace, stem.name)
        return found if not found.kind or found.kind in KINDS[stem.form] else WorkloadRef(namespace, "", stem.name)

    def at(self, address: str, when: float | None = None) -> WorkloadRef | None:
        """The workload of a pod with an address, unless the pod started after `when` (Unix seconds)."""
        found = self._by_address.get(address)
        if found is None or (when is not None and found.since is not None and when < found.since):
            return None
        return found.workload

    @cached_property
    def _workloads(self) -> frozenset[WorkloadRef]:
        shapes = {id(pod.shape): pod for pod in self._mesh.pods}.values()
        running = {workload_of(pod, self._known) for pod in shapes}
        bare = {workload_of(pod, self._known) for pod in self._mesh.pods if pod.shape.controller is None}
        return frozenset(running | bare | {template.workload for template in workload_templates(self._mesh)})

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], WorkloadRef]:
        return _only(((ref.namespace, ref.name), ref) for ref in self._workloads)

    @cached_property
    def _by_pod(self) -> dict[tuple[str, str], WorkloadRef]:
        return {(pod.namespace, pod.name): workload_of(pod, self._known) for pod in self._mesh.pods}

    @cached_property
    def _by_address(self) -> dict[str, _Address]:
        """Pods on their node's address are left out, for they share it."""
        return _only(
            (address, _Address(workload_of(pod, self._known), _seconds(pod.status.start_time)))
            for pod in self._mesh.pods
            if not pod.shape.spec.host_network and not pod.status.terminal
            for address in pod.status.addresses
        )

    @cached_property
    def _accounts(self) -> dict[tuple[str, str], WorkloadRef]:
        shapes = [(template.workload, template.shape) for template in workload_templates(self._mesh)]
        pods = {id(pod.shape): pod for pod in self._mesh.pods}.values()
        shapes += [(workload_of(pod, self._known), pod.shape) for pod in pods]
        return _only(((ref.namespace, shape.spec.service_account_name or _DEFAULT), ref) for ref, shape in shapes)

    @cached_property
    def _behind(self) -> dict[tuple[str, str], WorkloadRef]:
        """The workload behind each Service that has but one."""
        by_label: dict[tuple[str, str, str], list[tuple[WorkloadRef, dict[str, str]]]] = {}
        for template in workload_templates(self._mesh):
            for key, value in template.shape.labels.items():
                found = by_label.setdefault((template.workload.namespace, key, value), [])
                found.append((template.workload, template.shape.labels))
        pairs = []
        for service in self._mesh.of(SERVICE):
            space, selector = service.meta.namespace, service.view.spec.selector or {}
            candidates = min((by_label.get((space, *item), []) for item in selector.items()), key=len, default=[])
            chosen = [ref for ref, labels in candidates if selector.items() <= labels.items()]
            pairs += [((space, service.meta.name), ref) for ref in chosen]
        return _only(pairs)


def unix_seconds(text: str) -> float | None:
    """An RFC 3339 time in Unix seconds; None where it is none."""
    try:
        told = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    return (told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp()


def _seconds(text: str | None) -> float | None:
    return unix_seconds(text) if text else None


def _only(pairs: Iterable[tuple[_KeyT, _ValueT]]) -> dict[_KeyT, _ValueT]:
    """What each key means, where it means but one thing."""
    found: dict[_KeyT, set[_ValueT]] = {}
    for key, value in pairs:
        found.setdefault(key, set()).add(value)
    return {key: next(iter(values)) for key, values in found.items() if len(values) == 1}
