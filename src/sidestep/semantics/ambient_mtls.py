"""What PeerAuthentication means for an ambient workload, where that differs from what it says.

Source: istio-semantics.md §4.1 with D26 to D28 (pilot/pkg/serviceregistry/ambient/authorization.go), each seen as
packets on the real programs. Of several policies of one level the oldest counts.
"""

from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import PEER_AUTHENTICATION
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.loose import as_dict, as_text
from sidestep.semantics.mesh_config import root_namespaces

UNSET, STRICT, PERMISSIVE, DISABLE = "UNSET", "STRICT", "PERMISSIVE", "DISABLE"


class Surprise(StrEnum):
    """How ambient departs from a PeerAuthentication."""

    STRICT_PORT_OPEN = "a STRICT port takes plaintext"
    WORKLOAD_OPEN = "the whole workload takes plaintext"
    PORT_REFUSES = "a DISABLE port refuses plaintext"
    DISABLE_IGNORED = "DISABLE is read as PERMISSIVE"


class Parents(Struct, frozen=True):
    """The modes above a workload's policy; None where there is no policy of that level."""

    mesh: str | None
    namespace: str | None

    @property
    def strict(self) -> bool:
        """Whether a workload that says nothing is STRICT."""
        return (self.mesh if self.namespace in (None, UNSET) else self.namespace) == STRICT


def mode_of(spec: dict[str, Any] | None) -> str:
    """The mode that a policy states."""
    return as_text(as_dict((spec or {}).get("mtls")).get("mode")) or UNSET


def port_modes(spec: dict[str, Any] | None) -> dict[str, str]:
    """The modes of ports; `UNSET` for one that states none."""
    levels = as_dict((spec or {}).get("portLevelMtls"))
    return {str(port): as_text(as_dict(level).get("mode")) or UNSET for port, level in levels.items()}


def selector_labels(spec: dict[str, Any] | None) -> dict[str, Any]:
    """The labels that a policy selects; empty for one of a namespace or of the mesh."""
    return as_dict(as_dict((spec or {}).get("selector")).get("matchLabels"))


def parents_of(mesh: Mesh, namespace: str) -> Parents:
    """What stands above the workloads of a namespace."""
    roots = root_namespaces(mesh)
    wide = [_oldest(mesh, root) for root in sorted(roots)]
    own = None if namespace in roots else _oldest(mesh, namespace)
    whole = next((policy for policy in wide if policy is not None), None)
    return Parents(None if whole is None else mode_of(whole.view.spec), None if own is None else mode_of(own.view.spec))


def surprises(policy: Resource[Spec], parents: Parents) -> dict[Surprise, tuple[str, ...]]:
    """How ambient departs from one policy, with the ports concerned; empty for one that holds as written."""
    spec = policy.view.spec
    mode, ports = mode_of(spec), port_modes(spec) if selector_labels(spec) else {}
    found: dict[Surprise, tuple[str, ...]] = {}
    covered = parents.namespace in (None, UNSET) and parents.mesh == STRICT
    if mode in (PERMISSIVE, DISABLE) and covered and (named := _with(ports, STRICT)):
        found[Surprise.STRICT_PORT_OPEN] = named
    if mode == UNSET and covered and parents.namespace == UNSET and (named := _with(ports, PERMISSIVE)):
        found[Surprise.WORKLOAD_OPEN] = named
    if mode == UNSET and parents.strict and not _with(ports, PERMISSIVE) and (named := _with(ports, DISABLE)):
        found[Surprise.PORT_REFUSES] = named
    ignored = () if Surprise.PORT_REFUSES in found else _with(ports, DISABLE)
    if mode == DISABLE or ignored:
        found[Surprise.DISABLE_IGNORED] = ignored
    return found


def _with(ports: dict[str, str], mode: str) -> tuple[str, ...]:
    return tuple(sorted(port for port, own in ports.items() if own == mode))


def _oldest(mesh: Mesh, namespace: str) -> Resource[Spec] | None:
    """The policy of a whole namespace that counts."""
    whole = [
        policy for policy in mesh.in_namespace(PEER_AUTHENTICATION, namespace) if not selector_labels(policy.view.spec)
    ]
    return min(whole, key=lambda policy: (policy.meta.creation_timestamp or "", policy.meta.name), default=None)
