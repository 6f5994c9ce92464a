"""What stands at the pods beside the policies of a waypoint: the waypoint admitted, others kept from going past it.

Source: istio-semantics.md §3.10 (bypass-proof waypoint), §7.2 (3), D02. All of it is layer 4, which sidecars and
ztunnels read alike.
"""

from collections.abc import Iterable

from sidestep.convert.objects import made
from sidestep.convert.policies.twins import ADMIT, CLOSE
from sidestep.convert.rewrite import Tree
from sidestep.model.kinds import AUTHORIZATION_POLICY
from sidestep.model.metadata import Labels
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.authorization.policy import Action, Attribute, Policy
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text
from sidestep.semantics.service_index import Service

_ALL: Labels = {}
_ACCOUNTS = ("serviceAccounts", "notServiceAccounts")


def allow_waypoint(
    service: Service, principal: str, applied: Iterable[Iterable[Policy]], *, rule: str = ""
) -> list[Tree]:
    """ALLOWs for the waypoint at the pods, where another ALLOW already makes an allow-list of them, and nowhere else.

    Args:
        service: behind which they are.
        principal: of the waypoint.
        applied: the policies of each kind of pods.
        rule: code of the rewrite.
    """
    rules = [{"from": [{"source": {"principals": [principal]}}]}]
    lists = [[each for each in held if each.action is Action.ALLOW and not each.dry_run] for held in applied]
    if lists and all(lists):
        return [_for_pods(service, "ALLOW", rules, ADMIT, rule)]
    guarding = {each.id: each for held in lists for each in held if each.selector}
    return [
        _for_pods(service, "ALLOW", rules, f"{_called(each, service)}-{ADMIT}", rule, each.selector or {})
        for _, each in sorted(guarding.items())
    ]


def _called(policy: Policy, service: Service) -> str:
    """A policy's name, with its namespace where that is another than the service's."""
    return policy.id.name if policy.namespace == service.namespace else f"{policy.namespace}-{policy.id.name}"


def only_through_waypoint(
    service: Service, principals: tuple[str, ...], ports: Iterable[int], *, rule: str = ""
) -> Tree:
    """A DENY for everybody but the waypoint on the ports of a service, plaintext included."""
    found: Tree = {"from": [{"source": {"notPrincipals": list(principals)}}]}
    numbers = [str(port) for port in ports]
    if numbers:
        found["to"] = [{"operation": {"ports": numbers}}]
    return _for_pods(service, "DENY", [found], CLOSE, rule)


def exempting(resource: Resource[Spec], principals: tuple[str, ...]) -> tuple[Tree, Tree] | None:
    """A merge patch that keeps a DENY from firing on waypoints, and the one that takes it back; None without need."""
    rules = as_dicts((resource.tree().get("spec") or {}).get("rules"))
    changed = exempted(rules, principals)
    if changed == rules:
        return None
    return {"spec": {"rules": changed}}, {"spec": {"rules": rules}}


def exempted(rules: list[Tree], principals: tuple[str, ...]) -> list[Tree]:
    """Rules that never match waypoints.

    Only waypoints hold these identities, so that for everybody else, sidecars included, nothing changes.
    """
    return [_exempt(rule, principals) for rule in rules]


def unexempted(rules: list[Tree], principals: tuple[str, ...]) -> list[Tree]:
    """Rules as they were before `exempted`: at a waypoint nobody comes by its name."""
    return [_unexempt(rule, principals) for rule in rules]


def is_deny(resource: Resource[Spec]) -> bool:
    """Whether a policy denies."""
    return as_text((resource.view.spec or {}).get("action")) == "DENY"


def _exempt(rule: Tree, principals: tuple[str, ...]) -> Tree:
    sources = [as_dict(each.get("source")) for each in as_dicts(rule.get("from"))] or [{}]
    if any(each.get(field) for each in sources for field in _ACCOUNTS):
        return _exempt_when(rule, principals)
    return {**rule, "from": [{"source": _exempt_source(each, principals)} for each in sources]}


def _exempt_source(source: Tree, principals: tuple[str, ...]) -> Tree:
    named, only = as_strings(source.get("notPrincipals")), as_strings(source.get("principals"))
    if only and not any("*" in each or each in principals for each in only):
        return source
    missing = [each for each in principals if each not in named]
    return {**source, "notPrincipals": [*named, *missing]} if missing else source


def _exempt_when(rule: Tree, principals: tuple[str, ...]) -> Tree:
    """By a condition: the API takes no principals beside service accounts in one source."""
    condition, when = _other_than(principals), as_dicts(rule.get("when"))
    return rule if condition in when else {**rule, "when": [*when, condition]}


def _other_than(principals: tuple[str, ...]) -> Tree:
    return {"key": Attribute.PRINCIPAL.value, "notValues": list(principals)}


def _unexempt(rule: Tree, principals: tuple[str, ...]) -> Tree:
    sources = [_without(as_dict(each.get("source")), principals) for each in as_dicts(rule.get("from"))]
    when = [each for each in as_dicts(rule.get("when")) if each != _other_than(principals)]
    found = {key: value for key, value in rule.items() if key not in ("from", "when")}
    if sources and all(sources):
        found["from"] = [{"source": each} for each in sources]
    return {**found, **({"when": when} if when else {})}


def _without(source: Tree, principals: tuple[str, ...]) -> Tree:
    named = as_strings(source.get("notPrincipals"))
    if not named:
        return source
    kept = [each for each in named if each not in principals]
    rest = {key: value for key, value in source.items() if key != "notPrincipals"}
    return {**rest, "notPrincipals": kept} if kept else rest


def _for_pods(  # noqa: PLR0913, PLR0917 -- what a policy consists of
    service: Service, action: str, rules: list[Tree], ending: str, rule: str, labels: Labels = _ALL
) -> Tree:
    """A policy for the pods behind a service, or for those of them that have more labels."""
    chosen = {**(service.selector or {}), **labels}
    spec = {"selector": {"matchLabels": chosen}, "action": action, "rules": rules}
    of = (AUTHORIZATION_POLICY.api_version(), AUTHORIZATION_POLICY.name)
    return made(of, (service.namespace, f"{service.name}-{ending}"), spec, str(service.resource.id), rule)
