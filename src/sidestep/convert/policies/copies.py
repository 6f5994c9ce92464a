"""What stands at Services of subsets already: they were made with a copy of all that was attached to their parent.

Source: `routes/subset_policies.py` (SID333). Without this a second conversion would attach the same again, under
another name, because it meets them as Services like any other.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sidestep.convert.objects import kind_of
from sidestep.convert.policies.readers import Readers, guarding, members
from sidestep.convert.policies.twins import twin_name
from sidestep.convert.rewrite import ORIGIN, Context
from sidestep.convert.routes.subsets import is_of_subset
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource
from sidestep.semantics.instances import Instances
from sidestep.semantics.service_index import Service

_LONGEST = 253


def copy_name(own: str, parent: str, attached: str) -> str:
    """The name of a copy for a subset's Service of what is attached to its parent."""
    return f"{own}-{attached.removeprefix(f'{parent}-')}"[:_LONGEST].rstrip("-.")


def untold(found: Readers, resource: Resource[Any]) -> Mapping[str, Service]:
    """The services in front of who reads an object, but for those that have a copy of another one's twin of it."""
    mesh, every = found.context.index.mesh, tuple(found.services.values())
    return {host: each for host, each in found.services.items() if not _has_copy(mesh, resource, each, every)}


def has_parent(service: Service, context: Context) -> bool:
    """Whether a Service is of a subset, and another one behind the same waypoint is in front of all of its pods."""
    if not is_of_subset(service.resource):
        return False
    waypoint = context.waypoint_of(service)

    def is_led(pods: Instances) -> bool:
        others = (each for each in guarding(context, pods) if not is_of_subset(each.resource))
        return any(context.waypoint_of(each) == waypoint for each in others)

    return waypoint is not None and all(map(is_led, members(context, service)))


def _has_copy(mesh: Mesh, resource: Resource[Any], service: Service, every: Iterable[Service]) -> bool:
    kind = kind_of(resource)
    if kind is None or not is_of_subset(service.resource):
        return False
    for parent in every:
        if parent.namespace == service.namespace and not is_of_subset(parent.resource):
            twin = twin_name(mesh, resource, parent)
            standing = mesh.find(kind, service.namespace, copy_name(service.name, parent.name, twin))
            origin = f"{resource.kind} {parent.namespace}/{twin}"
            if standing is not None and standing.meta.annotations.get(ORIGIN) == origin:
                return True
    return False
