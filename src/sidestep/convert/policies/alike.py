"""AuthorizationPolicies that differ in what they select alone, and what a waypoint may hold for all pods of a Service.

Source: istio-semantics.md D19, D20: a waypoint judges before it chooses a pod.
"""

from collections.abc import Iterable
from typing import Any, NewType

import msgspec

from sidestep.model.kinds import AUTHORIZATION_POLICY
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource
from sidestep.semantics.authorization.parse import DRY_RUN
from sidestep.semantics.authorization.policy import Action, Policy
from sidestep.semantics.loose import as_dict

Saying = NewType("Saying", bytes)
"""What a policy says but for whom: asking it once or twice is the same."""
_encode = msgspec.json.Encoder(order="sorted").encode


def saying(policy: Resource[Any]) -> Saying:
    """Names without a namespace in its rules mean that of the policy, so that it belongs to what it says."""
    spec = {name: value for name, value in as_dict(policy.view.spec).items() if name != "selector"}
    return Saying(_encode((policy.meta.namespace, spec, policy.meta.annotations.get(DRY_RUN))))


def saying_of(mesh: Mesh, policy: Policy) -> Saying:
    """The same of one that applies; of one whose object is not known, its name."""
    resource = mesh.find(AUTHORIZATION_POLICY, policy.namespace, policy.id.name)
    return Saying(_encode(str(policy.id))) if resource is None else saying(resource)


def narrowest(mesh: Mesh, applied: Iterable[Iterable[Policy]]) -> frozenset[Saying]:
    """The ALLOWs that admit nobody to a pod who was refused there: those that all pods with an ALLOW have.

    Args:
        mesh: of which.
        applied: the policies of each kind of pods behind a Service.
    """
    lists = [frozenset(saying_of(mesh, each) for each in held if _admits(each)) for held in applied]
    guarded = [each for each in lists if each]
    return frozenset.intersection(*guarded) if guarded else frozenset()


def _admits(policy: Policy) -> bool:
    return policy.action is Action.ALLOW and not policy.dry_run
