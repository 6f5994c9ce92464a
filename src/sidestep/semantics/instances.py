"""Pods of one workload that are alike: the ends of every path, with the data-plane mode they are in now."""

from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property

from msgspec import Struct

from sidestep.model.metadata import Labels, WorkloadRef
from sidestep.model.pods import PodShape
from sidestep.semantics.families import alike
from sidestep.semantics.identity import principal_of
from sidestep.semantics.injection import Result
from sidestep.semantics.inventory import Group, Workload
from sidestep.semantics.proxies import REDIRECTION, Role, SidecarMode
from sidestep.semantics.redirection import PREFIX, Redirection, redirection

BYPASS_INBOUND = "ambient.istio.io/bypass-inbound-capture"


class Mode(StrEnum):
    """How pods take part in the mesh."""

    SIDECAR = "sidecar"
    AMBIENT = "ambient"
    GATEWAY = "gateway"
    WAYPOINT = "waypoint"
    PROXYLESS = "proxyless"
    NONE = "none"


class Instances(Struct, frozen=True, dict=True):
    """Pods of one workload that share a template and a mode.

    Attributes:
        workload: whose they are.
        place: their place among the workload's groups.
        shape: what they were made from.
        mode: how they take part in the mesh.
        native: a sidecar that is an init container.
        hbone: a sidecar that can receive and send HBONE.
        captures: a sidecar with its redirection in place.
        addresses: of the pods, where they run: one of each.
        twins: their further ones, of the other IP family.
        revision: of the control plane that their proxy asks; empty where nothing says any.
        count: how many there are, or are declared.
        ready: whether any pod is ready, or none was observed.
        declared: nobody runs; this is what a controller declares.
        assumed: that it has a sidecar is assumed, because the namespace that decides was not read.
    """

    workload: WorkloadRef
    place: int
    shape: PodShape
    mode: Mode
    native: bool = False
    hbone: bool = False
    captures: bool = True
    addresses: tuple[str, ...] = ()
    count: int = 0
    ready: bool = True
    declared: bool = False
    assumed: bool = False
    twins: tuple[str, ...] = ()
    revision: str = ""

    @property
    def namespace(self) -> str:
        """Where they run."""
        return self.shape.namespace

    @cached_property
    def words(self) -> str:
        """The workload's name for people."""
        return str(self.workload)

    @property
    def labels(self) -> Labels:
        """Of the pods."""
        return self.shape.labels

    @cached_property
    def address(self) -> str:
        """Of the only pod; empty where there are several, or none runs, so that no one address may decide."""
        return self.addresses[0] if len(self.addresses) == 1 else ""

    @property
    def every_address(self) -> tuple[str, ...]:
        """Of every pod, of both IP families."""
        return (*self.addresses, *self.twins)

    def address_towards(self, dialled: str) -> str:
        """The `address` of the IP family of what is dialled; the first where nothing tells the family."""
        own = self.address
        return alike(dialled, own, self.twins) if own and self.twins else own

    @property
    def account(self) -> str:
        """The service account."""
        return self.shape.spec.service_account_name or "default"

    def principal(self, trust_domain: str) -> str:
        """Who they are in the mesh."""
        return principal_of(trust_domain, self.shape.namespace, self.account)

    @cached_property
    def mode_in_words(self) -> str:
        """E.g. `native sidecar with HBONE`."""
        if self.mode is not Mode.SIDECAR:
            return "no mesh" if self.mode is Mode.NONE else self.mode.value
        return f"{'native ' if self.native else ''}sidecar{' with HBONE' if self.hbone else ''}"

    @cached_property
    def container_ports(self) -> dict[str, int]:
        """Named ports of the containers, by name."""
        return {
            port.name: port.container_port
            for container in self.shape.spec.all_containers
            for port in container.ports or ()
            if port.name
        }

    def excluded(self, field: str, port: int) -> bool:
        """Whether a sidecar's redirection leaves a port alone; `field` is Inbound or Outbound."""
        if not self._redirects_apart:
            return False
        if field == "Outbound":
            return self._redirection.leaves_port(port)
        return not self._redirection.takes_from(port)

    @property
    def bypasses_inbound(self) -> bool:
        """Whether ambient leaves inbound traffic of these pods alone."""
        return self.shape.annotations.get(BYPASS_INBOUND) == "true"

    @cached_property
    def _redirects_apart(self) -> bool:
        return any(name.startswith(PREFIX) for name in self.shape.annotations)

    @cached_property
    def _redirection(self) -> Redirection:
        return redirection(self.shape.annotations)


def instances_of(workload: Workload) -> Iterator[Instances]:
    """The groups of a workload as ends of paths."""
    for place, group in enumerate(workload.groups):
        if group.count or group.pods:
            yield _instances(workload, place, group)


def _instances(workload: Workload, place: int, group: Group) -> Instances:
    """As observed; of what is only declared, sidecars are taken to be as new as the control plane, with HBONE."""
    recognition = group.recognition
    assumed = not group.pods and _may_be_injected(workload, group)
    mode = Mode.SIDECAR if assumed else _mode(group)
    found = [addresses for pod in group.pods if (addresses := pod.status.addresses)]
    return Instances(
        workload.ref,
        place,
        group.shape,
        mode,
        recognition.sidecar is SidecarMode.NATIVE,
        recognition.hbone or group.predicted or assumed,
        recognition.captures or group.predicted or assumed,
        tuple(addresses[0] for addresses in found),
        group.count,
        not group.pods or any(pod.status.ready for pod in group.pods),
        declared=not group.pods,
        assumed=assumed,
        twins=tuple(twin for addresses in found for twin in addresses[1:]),
        revision=recognition.revision or "",
    )


def _may_be_injected(workload: Workload, group: Group) -> bool:
    """Whether only a namespace that was not read decides about a sidecar: in a mesh's own manifests one is likely."""
    bare = _mode(group) is Mode.NONE and group.recognition.role is Role.APPLICATION
    return bare and workload.injection.result is Result.UNKNOWN


def _mode(group: Group) -> Mode:
    recognition = group.recognition
    match recognition.role:
        case Role.GATEWAY:
            return Mode.GATEWAY
        case Role.WAYPOINT:
            return Mode.WAYPOINT
        case _ if recognition.sidecar:
            return Mode.SIDECAR
        case _ if recognition.proxyless:
            return Mode.PROXYLESS
        case _ if group.enrolled or group.shape.annotations.get(REDIRECTION) in ("enabled", "pending"):
            return Mode.AMBIENT
        case _:
            return Mode.NONE
