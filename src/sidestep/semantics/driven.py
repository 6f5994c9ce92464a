"""Who else writes a route while the mesh runs: controllers that shift traffic by VirtualServices and DestinationRules.

Source: Argo Rollouts' specification (spec.strategy.canary.trafficRouting.istio; a name may be followed by a dot and the
namespace). Flagger, Knative and whoever else makes such objects owns them as their controller.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from sidestep.model.kinds import DESTINATION_RULE, ROLLOUT, VIRTUAL_SERVICE
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.semantics.loose import as_dict, as_dicts, as_text

Named = tuple[str, str, str]
"""Kind, namespace and name."""

_ROUTING = b'"trafficRouting"'


def drivers(mesh: Mesh) -> Mapping[Named, str]:
    """For each VirtualService and DestinationRule that a controller writes, the controller's object in words."""
    found = {}
    for kind in (VIRTUAL_SERVICE, DESTINATION_RULE):
        for resource in mesh.of(kind):
            owner = next((each for each in resource.meta.owner_references if each.controller), None)
            if owner is not None:
                found[named(resource.id)] = f"{owner.kind} {resource.meta.namespace}/{owner.name}"
    for rollout in mesh.of(ROLLOUT):
        found |= dict.fromkeys(_named_by(rollout), str(rollout.id))
    return found


def named(identity: ObjectId) -> Named:
    """By what `drivers` knows an object."""
    return identity.kind, identity.namespace, identity.name


def _named_by(rollout: Resource[Any]) -> Iterator[Named]:
    if _ROUTING not in rollout.body:
        return
    strategy = as_dict(as_dict(rollout.tree().get("spec")).get("strategy"))
    routing = as_dict(as_dict(as_dict(strategy.get("canary")).get("trafficRouting")).get("istio"))
    for route in (as_dict(routing.get("virtualService")), *as_dicts(routing.get("virtualServices"))):
        yield from _placed(VIRTUAL_SERVICE.name, route, rollout)
    yield from _placed(DESTINATION_RULE.name, as_dict(routing.get("destinationRule")), rollout)


def _placed(kind: str, reference: dict[str, Any], rollout: Resource[Any]) -> Iterator[Named]:
    name, _, namespace = as_text(reference.get("name")).partition(".")
    if name:
        yield kind, namespace or rollout.meta.namespace, name
