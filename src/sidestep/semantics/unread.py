"""What decisions take for granted because it was not read; what may turn them is unknown instead, where it is asked."""

from collections.abc import Iterator
from typing import Any

from sidestep.model import kinds
from sidestep.model.gaps import GapReason
from sidestep.model.kinds import KINDS, Kind
from sidestep.model.mesh import Mesh

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
_BROKEN = (GapReason.MALFORMED, GapReason.TRUNCATED)
_KEYS = frozenset(kind.key for kind in KINDS)


def taken_for_granted(mesh: Mesh, root_namespace: str) -> Iterator[str]:
    """Sentences, in a fixed order."""
    for group, told in _GRANTED:
        missing = [kind.plural for kind in group if mesh.lacks(kind)]
        if missing:
            yield f"not all {', '.join(missing)} were read: {told}"
    if not mesh.covers(root_namespace):
        yield f"namespace {root_namespace} was not read: no mesh-wide policy is taken to stand there"
    for kind in KINDS:
        if kind not in _UNKNOWN_INSTEAD:
            yield from (f"{each.id} could not be read: it is taken not to exist" for each in mesh.unreadable(kind))
    broken = [gap for gap in mesh.gaps if gap.reason in _BROKEN and gap.resource not in _KEYS]
    if len(broken) > sum(len(mesh.unreadable(kind)) for kind in KINDS):
        yield "some objects could not be read at all: they are taken not to exist"
