"""PeerAuthentication: which mTLS a port of a workload asks for, as a sidecar reads it.

Source: istio-semantics.md §4.1 (pilot/pkg/security/authn, `ComposePeerAuthentication`). Mesh, namespace, workload: of
each level the oldest policy counts, and UNSET inherits.
"""

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from sidestep.model.metadata import Labels, ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
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
    """

    id: ObjectId
    mode: Mtls = Mtls.UNSET
    ports: dict[int, Mtls] = {}
    selector: Labels | None = None
    created: str = ""
    invalid: str = ""

    @property
    def age(self) -> tuple[str, str, str]:
        """What orders policies of one level: the oldest counts, and among equals the first by name."""
        return self.created, self.id.namespace, self.id.name


class Levels(Struct, frozen=True):
    """The policies that count for one workload, by level."""

    mesh: PeerPolicy | None = None
    namespace: PeerPolicy | None = None
    workload: PeerPolicy | None = None

    @property
    def invalid(self) -> str:
        """Why they cannot be relied on; empty when they can."""
        return next((p.invalid for p in (self.mesh, self.namespace, self.workload) if p and p.invalid), "")


class Effective(Struct, frozen=True):
    """The mode of one port, and the policy and field that say so; no policy where Istio's default holds."""

    mode: Mtls
    policy: PeerPolicy | None = None
    field: str = ""


def parse_peer_policy(resource: Resource[Spec]) -> PeerPolicy:
    """One PeerAuthentication, typed."""
    spec, created = resource.view.spec or {}, resource.meta.creation_timestamp or ""
    try:
        ports = mapping(spec.get("portLevelMtls"), "portLevelMtls")
        return PeerPolicy(
            resource.id,
            _mode(spec.get("mtls"), "mtls"),
            {_port(port): _mode(mode, f"portLevelMtls.{port}") for port, mode in ports.items()},
            _selector(spec.get("selector")),
            created,
        )
    except MalformedError as error:
        return PeerPolicy(resource.id, created=created, invalid=str(error))


def levels(policies: Iterable[PeerPolicy], root_namespace: str, namespace: str, labels: Labels) -> Levels:
    """The policies that count for a workload; a selector in the root namespace selects nothing."""
    mesh: list[PeerPolicy] = []
    space: list[PeerPolicy] = []
    workload: list[PeerPolicy] = []
    for policy in policies:
        own = policy.id.namespace
        if not policy.selector:
            (mesh if own == root_namespace else space if own == namespace else []).append(policy)
        elif own == namespace != root_namespace and policy.selector.items() <= labels.items():
            workload.append(policy)
    return Levels(oldest(mesh), oldest(space), oldest(workload))


def oldest(policies: list[PeerPolicy]) -> PeerPolicy | None:
    """The one that counts of a level."""
    return min(policies, key=lambda policy: policy.age, default=None)


def effective(found: Levels, port: int) -> Effective:
    """What a sidecar asks for on a target port."""
    result = Effective(Mtls.PERMISSIVE)
    for policy in (found.mesh, found.namespace, found.workload):
        if policy and policy.mode is not Mtls.UNSET:
            result = Effective(policy.mode, policy, "mtls.mode")
    own = found.workload.ports.get(port, Mtls.UNSET) if found.workload else Mtls.UNSET
    return result if own is Mtls.UNSET else Effective(own, found.workload, f"portLevelMtls.{port}.mode")


def _mode(value: object, field: str) -> Mtls:
    written = text(mapping(value, field).get("mode"), f"{field}.mode") or "UNSET"
    try:
        return Mtls(written)
    except ValueError:
        raise MalformedError(f"{field}.mode: {written!r} is none of UNSET, STRICT, PERMISSIVE, DISABLE") from None


def _port(written: object) -> int:
    try:
        return int(str(written))
    except ValueError:
        raise MalformedError(f"portLevelMtls: {written!r} is no port") from None


def _selector(value: object) -> Labels | None:
    if value is None:
        return None
    labels = mapping(mapping(value, "selector").get("matchLabels"), "selector.matchLabels")
    return {str(name): text(label, f"selector.matchLabels.{name}") for name, label in labels.items()}
