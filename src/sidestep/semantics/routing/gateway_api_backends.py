"""Where rules of the Gateway API send: references to Services, hosts of ServiceEntries, and those that lead nowhere.

Source: pilot/pkg/config/kube/gateway/conversion.go (buildDestination): a reference to nothing keeps its share, which
is answered with 500; one that is written wrongly withdraws the whole object.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import REFERENCE_GRANT
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId
from sidestep.semantics.routing.hosts import Host, service_host
from sidestep.semantics.routing.rule import Target
from sidestep.semantics.trees import MalformedError, mapping, mappings, text, whole
from sidestep.semantics.versions import IstioVersion

_CORE = ("", "core")
_ISTIO = "networking.istio.io"
_MULTICLUSTER = "multicluster.x-k8s.io"
_INFERENCE = "inference.networking"


class RefusedError(ValueError):
    """Istio refuses the object that says so, and none of its rules is in force."""


class Grants(Struct, frozen=True):
    """ReferenceGrants: from (kind of route, its namespace) to (namespace, name of a Service; empty for all)."""

    given: frozenset[tuple[str, str, str, str]] = frozenset()

    def allow(self, kind: str, namespace: str, to_namespace: str, name: str) -> bool:
        """Whether routes of a namespace may name a Service of another."""
        return bool(self.given & {(kind, namespace, to_namespace, ""), (kind, namespace, to_namespace, name)})


class RouteContext(Struct, frozen=True):
    """What the compilation of a route object needs to know besides the object.

    Attributes:
        object: that is compiled.
        namespace: of it.
        kind: `HTTPRoute`, `GRPCRoute` …
        hosts: all services.
        domain: the cluster's.
        version: of Istio.
        grants: that references across namespaces need; None where they need none, as in the mesh.
    """

    object: ObjectId
    namespace: str
    kind: str
    hosts: Mapping[str, Host]
    domain: str
    version: IstioVersion
    grants: Grants | None = None

    def allows(self, namespace: str, name: str) -> bool:
        """Whether it may name a Service of a namespace."""
        if self.grants is None or namespace == self.namespace:
            return True
        return self.grants.allow(self.kind, self.namespace, namespace, name)


def grants_of(mesh: Mesh) -> Grants:
    """All ReferenceGrants to Services; one that cannot be read grants nothing, as the API server refuses it."""
    given: set[tuple[str, str, str, str]] = set()
    for resource in mesh.of(REFERENCE_GRANT):
        spec = resource.view.spec or {}
        try:
            sources = [
                (text(f.get("kind"), "kind"), text(f.get("namespace"), "namespace")) for f in _listed(spec, "from")
            ]
            names = [text(t.get("name"), "name") for t in _listed(spec, "to") if t.get("kind") == "Service"]
        except MalformedError:
            continue
        given |= {(kind, where, resource.meta.namespace, name) for kind, where in sources for name in names}
    return Grants(frozenset(given))


def _listed(spec: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    return mappings(spec.get(field), field)


def weight_of(ref: Mapping[str, Any], field: str) -> int:
    """The share of a reference, 1 where none is written.

    Raises:
        MalformedError: it is no number.
    """
    weight = whole(ref.get("weight"), f"{field}.weight")
    return 1 if weight is None else weight


def shares(refs: Iterable[Mapping[str, Any]], field: str) -> int:
    """All shares together.

    Raises:
        MalformedError: one is no number.
    """
    return sum(weight_of(ref, field) for ref in refs)


def backend(ref: Mapping[str, Any], field: str, context: RouteContext) -> Target:
    """One reference.

    Raises:
        MalformedError: a field has a wrong type.
        RefusedError: it withdraws the object.
    """
    name = text(ref.get("name"), f"{field}.name")
    group = text(ref.get("group"), f"{field}.group")
    kind = text(ref.get("kind"), f"{field}.kind") or "Service"
    written = text(ref.get("namespace"), f"{field}.namespace")
    namespace = written or context.namespace
    port = whole(ref.get("port"), f"{field}.port")
    weight = weight_of(ref, field)
    if group.startswith(_INFERENCE):
        raise MalformedError(f"{field}: what stands behind an InferencePool is not read")
    host = _host(name, group, kind, namespace, context)
    if host is None or not context.allows(namespace, name):
        return Target(name, port, weight, missing=True)
    _require(not (kind == "Service" and "." in name), f"{field}.name: {name} is no name of a Service")
    _require(not (kind == "Hostname" and written), f"{field}.namespace: not with a Hostname")
    _require(port is not None, f"{field}.port: missing")
    return Target(host, port, weight, missing=host not in context.hosts)


def _host(name: str, group: str, kind: str, namespace: str, context: RouteContext) -> str | None:
    """The host that a reference names; None for kinds that nothing is known of."""
    if (kind == "Service" and group in _CORE) or (kind == "ServiceImport" and group == _MULTICLUSTER):
        return service_host(name, namespace, context.domain)
    return name if kind == "Hostname" and group == _ISTIO else None


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise RefusedError(otherwise)


def weighted(refs: list[Mapping[str, Any]], field: str, context: RouteContext) -> list[tuple[int, Target]]:
    """The references that have a share, with their places.

    Raises:
        MalformedError: a field has a wrong type.
        RefusedError: one withdraws the object.
    """
    return [
        (at, backend(mapping(ref, field), f"{field}[{at}]", context))
        for at, ref in enumerate(refs)
        if weight_of(ref, f"{field}[{at}]")
    ]
