"""PeerAuthentication: which mTLS a port of a workload asks for, as a sidecar reads it.

Source: istio-semantics.md §4.1 (pilot/pkg/security/authn, `ComposePeerAuthentication`). Mesh, namespace, workload: of
each level the oldest policy counts, and UNSET inherits.
"""

from collections.abc import Iterable
from enum import StrEnum
from functools import cached_property

from msgspec import Struct
from msgspec.structs import replace

from sidestep.model.metadata import Labels, ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.authorization.parse import match_labels
from sidestep.semantics.authorization.values import port_number
from sidestep.semantics.trees import MalformedError, mapping, text


class Mtls(StrEnum):
    """What a port accepts."""

    UNSET = "UNSET"
    STRICT = "STRICT"
    PERMISSIVE = "PERMISSIVE"
    DISABLE = "DISABLE"


class PeerPolicy(Struct, frozen=True):
    """A PeerAuthentication.

    Attributes:
        id: the object.
        mode: of the whole level.
        ports: by target port.
        selector: labels it asks for; None where it has no selector, empty where it has one without labels.
        created: RFC 3339, empty when unknown (a manifest).
        invalid: why it could not be read.
        unplaced: it could not be read where it applies: that may be anywhere in its namespace.
    """

    id: ObjectId
    mode: Mtls = Mtls.UNSET
    ports: dict[int, Mtls] = {}
    selector: Labels | None = None
    created: str = ""
    invalid: str = ""
    unplaced: bool = False

    @property
    def age(self) -> tuple[str, str, str]:
        """What orders policies of one level: the oldest counts, and among equals the first by name."""
        return self.created, self.id.namespace, self.id.name


class Levels(Struct, frozen=True, dict=True):
    """The policies that count for one workload, by level; `unplaced` may belong to any of them."""

    mesh: PeerPolicy | None = None
    namespace: PeerPolicy | None = None
    workload: PeerPolicy | None = None
    unplaced: PeerPolicy | None = None

    @cached_property
    def broken(self) -> PeerPolicy | None:
        """The one for which they cannot be relied on; None when they can."""
        found = (self.workload, self.namespace, self.mesh, self.unplaced)
        return next((policy for policy in found if policy and policy.invalid), None)

    @cached_property
    def invalid(self) -> str:
        """Why they cannot be relied on; empty when they can."""
        return f"{self.broken.id} could not be read: {self.broken.invalid}" if self.broken else ""

    @property
    def admits_mutual(self) -> bool:
        """Whether those above the workload's own leave mutual TLS on: all that is asked where no workload is known."""
        return replace(self, workload=None).of_ports.mode is not Mtls.DISABLE

    @cached_property
    def of_ports(self) -> "Effective":
        """What holds for every port that has no mode of its own."""
        result = Effective(Mtls.PERMISSIVE)
        for policy in (self.mesh, self.namespace, self.workload):
            if policy and policy.mode is not Mtls.UNSET:
                result = Effective(policy.mode, policy, "mtls.mode")
        return result


class Effective(Struct, frozen=True, gc=False):
    """The mode of one port, and the policy and field that say so; no policy where Istio's default holds."""

    mode: Mtls
    policy: PeerPolicy | None = None
    field: str = ""


def parse_peer_policy(resource: Resource[Spec]) -> PeerPolicy:
    """One PeerAuthentication, typed."""
    spec, created = resource.view.spec or {}, resource.meta.creation_timestamp or ""
    try:
        selector = match_labels(spec.get("selector"))
    except MalformedError as error:
        return unplaced_peer_policy(resource.id, str(error))
    try:
        ports = mapping(spec.get("portLevelMtls"), "portLevelMtls")
        by_port = {_port(port): _mode(mode, f"portLevelMtls.{port}") for port, mode in ports.items()}
        return PeerPolicy(resource.id, _mode(spec.get("mtls"), "mtls"), by_port, selector, created)
    except MalformedError as error:
        return PeerPolicy(resource.id, selector=selector, created=created, invalid=str(error))


def unplaced_peer_policy(of: ObjectId, why: str) -> PeerPolicy:
    """A PeerAuthentication of which not even that could be read where it applies."""
    return PeerPolicy(of, invalid=why, unplaced=True)


def levels(policies: Iterable[PeerPolicy], root_namespace: str, namespace: str, labels: Labels) -> Levels:
    """The policies that count for a workload; a selector in the root namespace selects nothing."""
    mesh: list[PeerPolicy] = []
    unplaced: list[PeerPolicy] = []
    space: list[PeerPolicy] = []
    workload: list[PeerPolicy] = []
    for policy in policies:
        own = policy.id.namespace
        if policy.unplaced:
            unplaced.append(policy)
        elif not policy.selector:
            (mesh if own == root_namespace else space if own == namespace else []).append(policy)
        elif own == namespace != root_namespace and policy.selector.items() <= labels.items():
            workload.append(policy)
    return Levels(oldest(mesh), oldest(space), oldest(workload), oldest(unplaced))


def oldest(policies: list[PeerPolicy]) -> PeerPolicy | None:
    """The one that counts of a level."""
    return min(policies, key=lambda policy: policy.age, default=None)


def effective(found: Levels, port: int) -> Effective:
    """What a sidecar asks for on a target port."""
    own = found.workload.ports.get(port, Mtls.UNSET) if found.workload else Mtls.UNSET
    return found.of_ports if own is Mtls.UNSET else Effective(own, found.workload, f"portLevelMtls.{port}.mode")


def _mode(value: object, field: str) -> Mtls:
    written = text(mapping(value, field).get("mode"), f"{field}.mode") or "UNSET"
    try:
        return Mtls(written)
    except ValueError:
        raise MalformedError(f"{field}.mode: {written!r} is none of UNSET, STRICT, PERMISSIVE, DISABLE") from None


def _port(written: str) -> int:
    port = port_number(written)
    if port is None:
        raise MalformedError(f"portLevelMtls: {written[:40]!r} is no port")
    return port
