"""The policies that a waypoint needs: twins of those on the pods, and what keeps the pods from being reached past it.

Source: istio-semantics.md §3.10 (bypass-proof waypoint), §7.2. A twin is attached by targetRefs, so that no sidecar and
no ztunnel sees it; all policies of a pod need one, since a waypoint reads nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from sidestep.model.kinds import AUTHORIZATION_POLICY, REQUEST_AUTHENTICATION
from sidestep.model.metadata import ObjectId
from sidestep.model.resource import Resource
from sidestep.model.views.core import Spec
from sidestep.semantics.authorization.values import port_number
from sidestep.semantics.instances import Instances
from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text
from sidestep.semantics.service_index import Service

ORIGIN = "sidestep.dev/origin"
Tree = dict[str, Any]


class Twin(Struct, frozen=True):
    """A policy for a waypoint.

    Attributes:
        manifest: the object.
        origin: what it was made from.
        lost: rules that cannot be said at a waypoint, in words.
    """

    manifest: Tree
    origin: ObjectId
    lost: tuple[str, ...] = ()


def twin(resource: Resource[Spec], service: Service, pods: Iterable[Instances]) -> Twin:
    """A policy as a service's waypoint needs it: attached to the service, target ports turned into service ports."""
    spec = {key: value for key, value in (resource.tree().get("spec") or {}).items() if key != "selector"}
    spec.pop("targetRef", None)
    lost: tuple[str, ...] = ()
    if resource.kind == AUTHORIZATION_POLICY.name:
        spec, lost = _with_service_ports(spec, service, tuple(pods))
    spec["targetRefs"] = [_target(service)]
    name = f"{service.name}-{resource.meta.name}"[:253].rstrip("-.")
    return Twin(_manifest(resource.kind, service.namespace, name, spec, str(resource.id)), resource.id, lost)


def allow_waypoint(service: Service, principal: str) -> Tree:
    """An ALLOW for the waypoint at the pods; only for where another ALLOW already makes an allow-list of them."""
    spec = {
        "selector": {"matchLabels": dict(service.selector or {})},
        "action": "ALLOW",
        "rules": [{"from": [{"source": {"principals": [principal]}}]}],
    }
    return _manifest(AUTHORIZATION_POLICY.name, service.namespace, f"{service.name}-from-waypoint", spec, service.host)


def only_through_waypoint(service: Service, principals: tuple[str, ...], ports: tuple[int, ...]) -> Tree:
    """A DENY for everybody but the waypoint on the ports of a service, plaintext included."""
    rule: Tree = {"from": [{"source": {"notPrincipals": list(principals)}}]}
    if ports:
        rule["to"] = [{"operation": {"ports": [str(port) for port in ports]}}]
    spec = {"selector": {"matchLabels": dict(service.selector or {})}, "action": "DENY", "rules": [rule]}
    return _manifest(AUTHORIZATION_POLICY.name, service.namespace, f"{service.name}-only-waypoint", spec, service.host)


def exempting(resource: Resource[Spec], principals: tuple[str, ...]) -> tuple[Tree, Tree] | None:
    """A merge patch that keeps a DENY from firing on waypoints, and the one that takes it back; None without need.

    Only waypoints hold these identities, so that for everybody else, sidecars included, nothing changes.
    """
    rules = as_dicts((resource.tree().get("spec") or {}).get("rules"))
    changed = [_exempt(rule, principals) for rule in rules]
    if changed == rules:
        return None
    return {"spec": {"rules": changed}}, {"spec": {"rules": rules}}


def service_ports_of(service: Service, pods: Iterable[Instances]) -> Mapping[int, tuple[int, ...]]:
    """Service ports by the target port that they lead to."""
    found: dict[int, set[int]] = {}
    for each in pods:
        for port in service.ports:
            target = port.target if isinstance(port.target, int) else each.container_ports.get(port.target)
            if target is not None:
                found.setdefault(target, set()).add(port.number)
    return {target: tuple(sorted(numbers)) for target, numbers in found.items()}


def _exempt(rule: Tree, principals: tuple[str, ...]) -> Tree:
    sources = as_dicts(rule.get("from")) or [{"source": {}}]
    return {
        **rule,
        "from": [{**each, "source": _exempt_source(as_dict(each.get("source")), principals)} for each in sources],
    }


def _exempt_source(source: Tree, principals: tuple[str, ...]) -> Tree:
    named, only = as_strings(source.get("notPrincipals")), as_strings(source.get("principals"))
    if only and not any("*" in each or each in principals for each in only):
        return source
    return {**source, "notPrincipals": [*named, *(each for each in principals if each not in named)]}


def _target(service: Service) -> Tree:
    if service.resource.kind == "ServiceEntry":
        return {"group": "networking.istio.io", "kind": "ServiceEntry", "name": service.name}
    return {"group": "", "kind": "Service", "name": service.name}


def _manifest(kind: str, namespace: str, name: str, spec: Tree, origin: str) -> Tree:
    of = REQUEST_AUTHENTICATION if kind == REQUEST_AUTHENTICATION.name else AUTHORIZATION_POLICY
    return {
        "apiVersion": of.api_version(),
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "annotations": {ORIGIN: origin}},
        "spec": spec,
    }


def _with_service_ports(spec: Tree, service: Service, pods: tuple[Instances, ...]) -> tuple[Tree, tuple[str, ...]]:
    numbers = service_ports_of(service, pods)
    rules, lost = [], []
    for index, rule in enumerate(as_dicts(spec.get("rules"))):
        changed = _rule(rule, numbers)
        if changed is None:
            lost.append(f"rules[{index}]: {service.resource.id} has no port that leads to the ports it names")
        else:
            rules.append(changed)
    return ({**spec, "rules": rules} if "rules" in spec else spec), tuple(lost)


def _rule(rule: Tree, numbers: Mapping[int, tuple[int, ...]]) -> Tree | None:
    """A rule in service ports; None where it names only ports that the service does not lead to."""
    found = dict(rule)
    if as_dicts(rule.get("to")):
        operations = [
            _ports_in(as_dict(each.get("operation")), "ports", "notPorts", numbers) for each in as_dicts(rule["to"])
        ]
        kept = [{"operation": each} for each in operations if each is not None]
        if not kept:
            return None
        found["to"] = kept
    conditions = []
    for when in as_dicts(rule.get("when")):
        ported = when.get("key") == "destination.port"
        changed = _ports_in(when, "values", "notValues", numbers) if ported else when
        if changed is None:
            return None
        conditions.append(changed)
    return {**found, "when": conditions} if conditions else found


def _ports_in(fields: Tree, positive: str, negative: str, numbers: Mapping[int, tuple[int, ...]]) -> Tree | None:
    found = dict(fields)
    wanted = as_strings(fields.get(positive))
    if wanted:
        found[positive] = list(_translated(wanted, numbers))
        if not found[positive]:
            return None
    excluded = as_strings(fields.get(negative))
    if excluded:
        found[negative] = list(_translated(excluded, numbers))
        if not found[negative]:
            del found[negative]
    return found


def _translated(ports: tuple[str, ...], numbers: Mapping[int, tuple[int, ...]]) -> Iterator[str]:
    for port in ports:
        target = port_number(port)
        yield from map(str, numbers.get(target, ()) if target is not None else ())


def is_deny(resource: Resource[Spec]) -> bool:
    """Whether a policy denies."""
    return as_text((resource.view.spec or {}).get("action")) == "DENY"


def is_allow(resource: Resource[Spec]) -> bool:
    """Whether a policy allows; that is the default."""
    return as_text((resource.view.spec or {}).get("action")) in ("", "ALLOW")
