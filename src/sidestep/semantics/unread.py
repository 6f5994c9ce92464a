"""What decisions take for granted because it was not read; what may turn them is unknown instead, where it is asked."""

from collections.abc import Iterator
from typing import Any

from sidestep.model import kinds
from sidestep.model.build import known_kind
from sidestep.model.gaps import GapReason
from sidestep.model.kinds import KINDS, NOT_JUDGED, Kind
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource
from sidestep.semantics.control_planes import apart
from sidestep.semantics.discovery import unseen
from sidestep.semantics.foreign_policies import FOREIGN, UNJUDGED
from sidestep.semantics.installations import installations
from sidestep.semantics.mesh_config import mesh_configs

_ROUTES = (
    kinds.VIRTUAL_SERVICE, kinds.DESTINATION_RULE, kinds.SIDECAR, kinds.SERVICE_ENTRY, kinds.HTTP_ROUTE,
    kinds.GRPC_ROUTE, kinds.TLS_ROUTE, kinds.TCP_ROUTE, kinds.ISTIO_GATEWAY, kinds.WORKLOAD_ENTRY,
)  # fmt: skip
_EXTENSIONS = (kinds.ENVOY_FILTER, kinds.WASM_PLUGIN)
_GRANTED: tuple[tuple[tuple[Kind[Any], ...], str], ...] = (
    ((kinds.NETWORK_POLICY,), "none is taken to stand in the way"),
    ((kinds.NAMESPACE,), "their labels are taken to ask for nothing"),
    (_ROUTES, "Istio's defaults are assumed"),
    (_EXTENSIONS, "none is taken to change a proxy"),
    ((kinds.DEPLOYMENT,), "switches of istiod are taken to have their defaults"),
)
_UNKNOWN_INSTEAD = (
    kinds.AUTHORIZATION_POLICY, kinds.PEER_AUTHENTICATION, kinds.REQUEST_AUTHENTICATION, kinds.NETWORK_POLICY,
    kinds.SERVICE, kinds.GATEWAY,
)  # fmt: skip
_MADE = "what is made of it is judged only where that was read"
_LISTENERS = "the listeners that it adds to a Gateway are not known"
_ELSEWHERE = "what stands in other clusters is not known"
_MAISTRA = "what OpenShift Service Mesh 2 makes of it is not known; only version 3 has ambient"
_NOT_JUDGED = {
    ("gateway.networking.k8s.io", "BackendTLSPolicy"): "the TLS that gateways and waypoints begin by it is not told",
    ("gateway.networking.k8s.io", "ListenerSet"): _LISTENERS,
    ("gateway.networking.x-k8s.io", "XListenerSet"): _LISTENERS,
    ("multicluster.x-k8s.io", "ServiceExport"): _ELSEWHERE,
    ("multicluster.x-k8s.io", "ServiceImport"): _ELSEWHERE,
    ("flagger.app", "Canary"): _MADE,
    ("serving.knative.dev", "Service"): _MADE,
    ("maistra.io", "ServiceMeshControlPlane"): _MAISTRA,
    ("maistra.io", "ServiceMeshMemberRoll"): _MAISTRA,
    **dict.fromkeys(FOREIGN, UNJUDGED),
}
"""Kinds that bear on requests and that no decision looks at, with what that leaves open."""
_ISTIO = ".istio.io"
_NEVER_SERVED = "no release of Istio that knows ambient has this kind: it is taken to do nothing"
_BROKEN = (GapReason.MALFORMED, GapReason.TRUNCATED)
_KEYS = frozenset(kind.key for kind in KINDS)


def taken_for_granted(mesh: Mesh, root_namespace: str) -> Iterator[str]:
    """Sentences, in a fixed order."""
    for group, told in _GRANTED:
        missing = [kind.plural for kind in group if mesh.lacks(kind)]
        if missing:
            yield f"not all {', '.join(missing)} were read: {told}"
    yield from _of_control_planes(mesh)
    yield from not_judged(mesh)
    if not mesh.covers(root_namespace):
        yield f"namespace {root_namespace} was not read: no mesh-wide policy is taken to stand there"
    for kind in KINDS:
        if kind not in _UNKNOWN_INSTEAD:
            yield from (f"{each.id} could not be read: it is taken not to exist" for each in mesh.unreadable(kind))
    broken = [gap for gap in mesh.gaps if gap.reason in _BROKEN and gap.resource not in _KEYS]
    if len(broken) > sum(len(mesh.unreadable(kind)) for kind in KINDS):
        yield "some objects could not be read at all: they are taken not to exist"


def _of_control_planes(mesh: Mesh) -> Iterator[str]:
    """What decisions make of configurations that say more than they look at."""
    configs = mesh_configs(mesh)
    for config in configs:
        if config.resource.kind != kinds.CONFIG_MAP.name:
            yield f"the mesh's configuration is what {config.resource.id} asks for: what a profile adds is not known"
    for other in apart(configs):
        fields, first = ", ".join(other.fields), configs[0].resource.id
        yield f"{other.config.resource.id} differs in {fields} from {first}: what rests on that is not known"
    if left_out := sorted(unseen(mesh)):
        yield f"discoverySelectors leave out {', '.join(left_out)}: they are judged as if istiod looked at them"


def not_judged(mesh: Mesh) -> Iterator[str]:
    """Objects that bear on requests though no decision looks at them, in a sentence for each kind."""
    found: dict[tuple[str, str], list[Resource[Any]]] = {}
    carried: list[Resource[Any]] = [*mesh.others]
    for known in NOT_JUDGED:
        carried += mesh.of(known)
    for each in carried:
        found.setdefault((each.api_version.partition("/")[0], each.kind), []).append(each)
    asking = {(each.resource.api_version.partition("/")[0], each.resource.kind) for each in installations(mesh)}
    for (group, kind), objects in sorted(found.items()):
        told = _NOT_JUDGED.get((group, kind))
        if (
            told is None
            and group.endswith(_ISTIO)
            and (group, kind) not in asking
            and not known_kind(f"{group}/", kind)
        ):
            told = _NEVER_SERVED
        if told is not None:
            more = f" and {len(objects) - 1:,} more" if len(objects) > 1 else ""
            yield f"{min(each.id for each in objects)}{more} ({group}): {told}"
