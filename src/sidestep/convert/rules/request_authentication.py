"""SID303: RequestAuthentications on pods get a twin for each service's waypoint: ztunnel reads no tokens.

Source: istio-semantics.md §4.2, D34, D35.
"""

from typing import Any

from sidestep.convert.objects import added, removed
from sidestep.convert.policies.copies import untold
from sidestep.convert.policies.readers import Readers, names_of, readers
from sidestep.convert.policies.twins import twin, twin_name
from sidestep.convert.rewrite import Context, Loss, Rewritten, Rule, Severity
from sidestep.model.resource import Resource
from sidestep.semantics.authentication.tokens import RequestPolicy, parse_request_policy

CODE = "SID303"


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    policy = parse_request_policy(resource)
    found = readers(context, resource)
    if policy.targets or not found.ambient or not (policy.rules or policy.invalid):
        return Rewritten()
    lost = tuple(_losses(resource, policy, found))
    if policy.invalid:
        return Rewritten((), lost)
    index = context.index
    twins = [
        twin(resource, each, index.behind(each), name=twin_name(index.mesh, resource, each), rule=CODE).manifest
        for each in untold(found, resource).values()
    ]
    gone = (removed(resource, CODE),) if found.covered else ()
    return Rewritten((*added(context, twins, resource.id, CODE), *gone), lost)


def _losses(resource: Resource[Any], policy: RequestPolicy, found: Readers) -> list[Loss]:
    if policy.invalid:
        why = f"it could not be read: {policy.invalid}"
        return [Loss(resource.id, "spec", "it is left as it is", why, "correct it", Severity.SECURITY, CODE)]
    lost = []
    if found.bare:
        why = f"ztunnel reads no tokens, and no waypoint is before {names_of(found.bare)} (D34, D35)"
        did = "requests with tokens that do not hold were refused, and claims were told to policies and applications"
        instead = "put a waypoint before their Service"
        lost.append(Loss(resource.id, "spec.jwtRules", did, why, instead, Severity.SECURITY, CODE))
    for host in found.partial:
        did, why = f"it was for some of the pods behind {host} only", "its twin holds for all of them (D19)"
        instead = "give the pods that it is for a Service of their own"
        lost.append(Loss(resource.id, "spec.selector", did, why, instead, Severity.TRAFFIC, CODE))
    return lost


RULE = Rule(CODE, "request-authentication", "Tokens are validated at waypoints", ("RequestAuthentication",), _rewrite)
