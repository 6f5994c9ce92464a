"""Names and addresses that lead nowhere, or of which nobody can tell where they lead.

Source: Kubernetes' specification of DNS names: below `svc.cluster.local` there is nothing but Services, and a name
without a dot is only ever looked up among those of a namespace.
"""

from msgspec import Struct

from sidestep.model.kinds import NAMESPACE, POD, SERVICE
from sidestep.model.mesh import Mesh, SourceKind
from sidestep.semantics.decisions import Branch, Check, CheckKind, Proxy, Verdict
from sidestep.semantics.hops.targets import External, Target
from sidestep.semantics.hops.traveller import Traveller
from sidestep.semantics.routing.hosts import is_address
from sidestep.semantics.service_index import CLUSTER_DOMAIN

_SVC = "svc"
_ENDS = ("", CLUSTER_DOMAIN)


def nowhere(traveller: Traveller, target: Target) -> Branch | None:
    """The end of a way before its first step; None for what can be followed, hosts outside of the cluster included."""
    if not isinstance(target, External):
        return None
    mesh, host = traveller.index.mesh, target.host
    if is_address(host):
        missing = [kind.plural for kind in (SERVICE, POD) if mesh.lacks(kind)]
        told = f"it cannot be told whose address {host} is: not all {' and '.join(missing)} were read"
        return traveller.unknown(host, told) if missing else None
    name = _named(mesh, host, traveller.sender.namespace)
    if name is None:
        return None
    unsure = _unsure(mesh, name)
    if unsure:
        return traveller.unknown(host, unsure)
    reason = f"there is no Service {name.name!r} in namespace {name.namespace!r}: the name is not found"
    return traveller.stop(Proxy.NONE, host, Check(CheckKind.ROUTE, Verdict.UNREACHABLE, reason=reason))


class _Name(Struct, frozen=True):
    """The Service that a name of the cluster stands for."""

    namespace: str
    name: str


def _named(mesh: Mesh, host: str, namespace: str) -> _Name | None:
    """None for a name that may be of a host outside."""
    parts = host.rstrip(".").split(".")
    if len(parts) == 1:
        return _Name(namespace, host)
    place = next((place for place in (2, 3) if parts[place : place + 1] == [_SVC]), None)
    if place is not None and ".".join(parts[place + 1 :]) in _ENDS:
        return _Name(parts[place - 1], parts[place - 2])
    return _Name(parts[1], parts[0]) if len(parts) == 2 and mesh.find(NAMESPACE, "", parts[1]) is not None else None


def _unsure(mesh: Mesh, name: _Name) -> str:
    """Why a Service may be there all the same."""
    for broken in mesh.unreadable(SERVICE):
        if broken.meta.name == name.name and broken.meta.namespace in ("", name.namespace):
            return f"{broken.id} could not be read"
    if mesh.lacks(SERVICE) or not mesh.covers(name.namespace):
        return f"not all Services of namespace {name.namespace!r} were read, and {name.name!r} is none of those"
    if mesh.source.kind is SourceKind.FILES:
        return f"no Service {name.name!r} of namespace {name.namespace!r} stands in the files that were read"
    return ""
