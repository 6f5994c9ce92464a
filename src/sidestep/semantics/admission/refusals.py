"""Objects of a mesh that no admission lets in.

Source: the validation of Istio 1.31 (pkg/config/validation), as each kind's file says. What the schema of a definition
refuses already (wrong types) no API server takes either.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sidestep.model.kinds import (
    AUTHORIZATION_POLICY,
    DESTINATION_RULE,
    PEER_AUTHENTICATION,
    REQUEST_AUTHENTICATION,
    VIRTUAL_SERVICE,
    Kind,
)
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource
from sidestep.semantics.admission.authorization_policy import policy_refusals
from sidestep.semantics.admission.destination_rule import rule_refusals
from sidestep.semantics.admission.fields import Found
from sidestep.semantics.admission.peer_authentication import peer_refusals
from sidestep.semantics.admission.request_authentication import request_refusals
from sidestep.semantics.admission.virtual_service import virtual_service_refusals
from sidestep.semantics.authorization.parse import parse_policy


def refusals(mesh: Mesh) -> Iterator[tuple[Resource[Any], str, str]]:
    """Each with the field, and why."""
    for kind, judge in _JUDGES:
        for resource in mesh.of(kind):
            yield from ((resource, field, why) for field, why in judge(resource))


def _policy(resource: Resource[Any]) -> Found:
    broken = parse_policy(resource).invalid
    if broken:
        field, _, why = broken.partition(": ")
        yield field, why or "it cannot be read"
    else:
        yield from policy_refusals(resource.view.spec or {})


_JUDGES: tuple[tuple[Kind[Any], Callable[[Resource[Any]], Found]], ...] = (
    (AUTHORIZATION_POLICY, _policy),
    (REQUEST_AUTHENTICATION, lambda each: request_refusals(each.view.spec or {})),
    (PEER_AUTHENTICATION, lambda each: peer_refusals(each.view.spec or {})),
    (VIRTUAL_SERVICE, lambda each: virtual_service_refusals(each.view.spec or {}, each.meta.namespace)),
    (DESTINATION_RULE, lambda each: rule_refusals(each.view.spec or {}, each.meta.namespace)),
)
