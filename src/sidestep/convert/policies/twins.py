"""Twins: policies on pods as a service's waypoint needs them.

Source: istio-semantics.md §3.1, §3.10, §7.2. A twin is attached by targetRefs, so that no sidecar and no ztunnel sees
it; all policies of a pod need one, since a waypoint reads nothing else.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from sidestep.convert.objects import kind_of, made
from sidestep.convert.policies.ports import in_service_ports, service_ports_of
from sidestep.convert.rewrite import ORIGIN, Tree
from sidestep.model.kinds import AUTHORIZATION_POLICY, SERVICE
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.instances import Instances
from sidestep.semantics.service_index import Service

ADMIT, CLOSE = "from-waypoint", "only-waypoint"
"""How the names of policies end that admit a waypoint at the pods, and nobody else."""
_OF_TOOLS = (
    "kubectl.kubernetes.io/", "argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/",
    "meta.helm.sh/", "helm.sh/", "app.kubernetes.io/managed-by", "app.kubernetes.io/instance", "config.kubernetes.io/",
    "internal.config.kubernetes.io/", "sidestep.dev/",
)  # fmt: skip
"""What says of an object who keeps it."""
_LONGEST = 253
_DIGEST = 4


class Twin(Struct, frozen=True):
    """A policy for a waypoint.

    Attributes:
        manifest: the object.
        origin: what it was made from.
        lost: places of rules that cannot be said at this service's waypoint.
    """

    manifest: Tree
    origin: ObjectId
    lost: tuple[int, ...] = ()


def twin(  # noqa: PLR0913 -- how it is called and who made it are the caller's
    resource: Resource[Spec],
    service: Service,
    pods: Iterable[Instances],
    *,
    spec: Tree | None = None,
    name: str = "",
    rule: str = "",
) -> Twin:
    """A policy attached to a service, with target ports turned into service ports; `spec` in the place of its own."""
    told = resource.tree().get("spec") if spec is None else spec
    spec = {key: value for key, value in (told or {}).items() if key != "selector"}
    spec.pop("targetRef", None)
    lost: tuple[int, ...] = ()
    if resource.kind == AUTHORIZATION_POLICY.name:
        spec, lost = in_service_ports(spec, service_ports_of(service, pods))
    return Twin(attached(resource, service, spec, name=name, rule=rule), resource.id, lost)


def closed_twin(resource: Resource[Spec], service: Service, *, name: str, rule: str) -> Twin:
    """An ALLOW that admits nobody, in the place of one whose rules hold for some of the pods behind a service only."""
    spec = {**(resource.tree().get("spec") or {}), "rules": []}
    return Twin(attached(resource, service, {k: v for k, v in spec.items() if k != "selector"}, name=name, rule=rule),
                resource.id)  # fmt: skip


def attached(resource: Resource[Any], service: Service, spec: Tree, *, name: str = "", rule: str = "") -> Tree:
    """An object like another, attached to a service, with its labels and annotations but for those of tools."""
    named = name or f"{service.name}-{resource.meta.name}"[:_LONGEST].rstrip("-.")
    kind = kind_of(resource)
    version = kind.api_version() if kind else resource.api_version
    place = (service.namespace, named)
    found = made((version, resource.kind), place, {**spec, "targetRefs": [target_of(service)]}, str(resource.id), rule)
    kept = {key: value for key, value in resource.meta.annotations.items() if _is_own(key)}
    found["metadata"]["annotations"] = {**kept, **found["metadata"]["annotations"]}
    labels = {key: value for key, value in resource.meta.labels.items() if _is_own(key)}
    if labels:
        found["metadata"]["labels"] = labels
    return found


def _is_own(key: str) -> bool:
    """Whether people wrote a label or annotation, and not a tool that would take a twin for an object of its own."""
    return not key.startswith(_OF_TOOLS)


def target_of(service: Service) -> Tree:
    """The reference by which a policy is attached to a service."""
    if service.resource.kind == "ServiceEntry":
        return {"group": "networking.istio.io", "kind": "ServiceEntry", "name": service.name}
    return {"group": "", "kind": "Service", "name": service.name}


def twin_name(mesh: Mesh, resource: Resource[Any], service: Service) -> str:
    """`SERVICE-POLICY`, with the policy's namespace where that is another, and a digest where others mean that name."""
    far = resource.meta.namespace != service.namespace
    middle = f"{resource.meta.namespace}-" if far else ""
    plain = f"{service.name}-{middle}{resource.meta.name}"
    digest = hashlib.blake2s(f"{service.host} {resource.id}".encode(), digest_size=_DIGEST).hexdigest()
    marked = f"{plain[: _LONGEST - 2 * _DIGEST - 1].rstrip('-.')}-{digest}"
    kind = kind_of(resource)
    if kind is not None and mesh.find(kind, service.namespace, marked) is not None:
        return marked
    return marked if len(plain) > _LONGEST or _contested(mesh, resource, service, plain) else plain


def _contested(mesh: Mesh, resource: Resource[Any], service: Service, name: str) -> bool:
    """Whether somebody else has a name, or another service and policy would make the same of theirs."""
    kind = kind_of(resource)
    if kind is None or resource.meta.name in (ADMIT, CLOSE):
        return True
    standing = mesh.find(kind, service.namespace, name)
    if standing is not None and standing.meta.annotations.get(ORIGIN) != str(resource.id):
        return True
    return any(
        name[:at] != service.name
        and mesh.find(SERVICE, service.namespace, name[:at]) is not None
        and mesh.find(kind, service.namespace, name[at + 1 :]) is not None
        for at, letter in enumerate(name)
        if letter == "-"
    )
