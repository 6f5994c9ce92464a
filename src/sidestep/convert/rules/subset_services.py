"""SID333: subsets that routes send to become Services, with what DestinationRules ask of connections to them.

Source: istio-semantics.md D53: routes of the Gateway API know no subsets.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sidestep.convert.objects import added
from sidestep.convert.rewrite import Change, ChangeKind, Context, Loss, Rewritten, Rule, Severity
from sidestep.convert.routes.plans import Verdict, plan_of
from sidestep.convert.routes.subset_objects import destination_rule, service_tree
from sidestep.convert.routes.subset_policies import attached_too
from sidestep.convert.routes.subsets import CODE, SubsetService, subset_services
from sidestep.convert.routes.survey import Survey, survey
from sidestep.convert.rules import authorization_policy, extension, network_policy, request_authentication, telemetry
from sidestep.model.kinds import SERVICE, VIRTUAL_SERVICE
from sidestep.model.resource import Resource
from sidestep.semantics.by_selector import grouped
from sidestep.semantics.loose import as_dict
from sidestep.semantics.trees import MalformedError

_OURS = ("selector", "ports")
_USED = "subsets in use"
_COPY = "requestMirror"
_ATTACHING = (
    authorization_policy.RULE,
    network_policy.RULE,
    request_authentication.RULE,
    telemetry.RULE,
    extension.RULE,
)
"""Rewrites that attach objects to services."""


def _rewrite(resource: Resource[Any], context: Context) -> Rewritten:
    found = survey(context)
    changes: list[Change] = []
    losses: list[Loss] = []
    for each in _used(found).get(str(resource.id), ()):
        if each.given:
            continue
        changes += _service(found, each)
        try:
            rule = destination_rule(found, each, CODE)
        except MalformedError as error:
            losses.append(_unread(resource, each, error))
        else:
            changes += added(context, (rule,) if rule else (), resource.id, CODE)
        changes += added(context, attached_too(found, each, _ATTACHING), resource.id, CODE)
        losses += _guarded(found, each)
    return Rewritten(tuple(changes), tuple(losses))


def _unread(resource: Resource[Any], each: SubsetService, error: MalformedError) -> Loss:
    did = f"asks for connections to subset {each.subset}"
    why = f"it cannot be read: {error}"
    return Loss(resource.id, "spec.trafficPolicy", did, why, "mend it", Severity.TRAFFIC, CODE)


def _used(found: Survey) -> Mapping[str, Sequence[SubsetService]]:
    """Services of subsets that a route sends to, by the DestinationRule that defines them."""
    if _USED not in found.kept:
        sent = {sent for resource in found.mesh.of(VIRTUAL_SERVICE) for sent in _sent(found, resource)}
        wanted = (each for each in subset_services(found).values() if (each.namespace, each.name) in sent)
        found.kept[_USED] = grouped(wanted, lambda each: str(each.rule))
    known: Mapping[str, Sequence[SubsetService]] = found.kept[_USED]
    return known


def _sent(found: Survey, resource: Resource[Any]) -> Iterator[tuple[str, str]]:
    plan = plan_of(found, resource)
    if plan.verdict is not Verdict.CONVERTED:
        return
    for route in (*plan.http, *plan.streams):
        for rule in route["spec"]["rules"]:
            copies = [each[_COPY]["backendRef"] for each in rule.get("filters", ()) if _COPY in each]
            for ref in (*rule.get("backendRefs", ()), *copies):
                yield ref.get("namespace", route["metadata"]["namespace"]), ref["name"]


def _service(found: Survey, each: SubsetService) -> list[Change]:
    """The Service, unless one of the same meaning stands; what the API server gave it is kept."""
    tree = service_tree(found, each, CODE)
    origin = each.rule
    standing = found.index.mesh.find(SERVICE, each.namespace, each.name)
    if standing is None or origin is None:
        return added(found.context, (tree,), origin or each.parent.resource.id, CODE)
    whole = standing.tree()
    spec = as_dict(whole.get("spec"))
    if all(spec.get(field) == tree["spec"].get(field) for field in _OURS):
        return []
    whole["spec"] = {**spec, **{field: tree["spec"][field] for field in _OURS}}
    return [Change(ChangeKind.REPLACE, standing.id, whole, origin, CODE)]


def _guarded(found: Survey, each: SubsetService) -> Iterator[Loss]:
    """Where no waypoint is, policies that guard the pods under the parent's name do not guard the new one."""
    pods = found.index.behind(each.parent)
    policies = sorted({policy.id.name for one in pods for policy in found.index.applied_policies(one)})
    if policies and each.rule is not None and found.waypoint(each.parent) is None:
        yield Loss(
            each.rule, "spec.subsets", f"gives the pods of {each.subset} no name of their own",
            f"Service {each.namespace}/{each.name} can be dialled, and a policy attached to Service "
            f"{each.parent.name} does not guard it (D19)",
            f"attach the policies {', '.join(policies)} to Service {each.name} too", Severity.SECURITY, CODE,
        )  # fmt: skip


RULE = Rule(CODE, "subset-services", "Subsets that routes name become Services", ("DestinationRule",), _rewrite)
