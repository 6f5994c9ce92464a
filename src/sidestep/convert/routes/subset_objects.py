"""The objects of a subset: its Service, and the DestinationRule that asks of it what was asked of the subset."""

from collections.abc import Mapping
from typing import Any

from sidestep.convert.objects import made
from sidestep.convert.rewrite import Tree, Waypoint
from sidestep.convert.routes.subsets import SubsetService
from sidestep.convert.routes.survey import Survey
from sidestep.semantics.loose import as_dict, as_dicts
from sidestep.semantics.routing.traffic_words import effective
from sidestep.semantics.trees import mappings
from sidestep.semantics.waypoints import USE_WAYPOINT, USE_WAYPOINT_NAMESPACE

_LIKE_PARENT = (
    "internalTrafficPolicy", "trafficDistribution", "publishNotReadyAddresses", "ipFamilies", "ipFamilyPolicy",
)  # fmt: skip
_BINDING = (USE_WAYPOINT, USE_WAYPOINT_NAMESPACE)
_READ = "istio.io"
_ANNOTATIONS = ("networking.istio.io/exportTo", "networking.istio.io/traffic-distribution")
_PER_PORT = ("connectionPool", "outlierDetection", "loadBalancer", "tls")
_NO_PORT = -1


def service_tree(found: Survey, each: SubsetService, rule: str) -> Tree:
    """The Service: the parent's ports and waypoint, the subset's pods."""
    parent = each.parent.resource.tree()
    spec, meta = as_dict(parent.get("spec")), each.parent.resource.meta
    ports = [{key: value for key, value in port.items() if key != "nodePort"} for port in as_dicts(spec.get("ports"))]
    kept = {field: spec[field] for field in _LIKE_PARENT if field in spec}
    told = {"selector": dict(sorted(each.selector.items())), "ports": ports, **kept}
    tree = made(("v1", "Service"), (each.namespace, each.name), told, str(each.rule), rule)
    waypoint = found.waypoint(each.parent)
    told_anew = _BINDING if waypoint is not None else ()
    inherited = {key: meta.labels[key] for key in meta.labels if _means_something(key) and key not in told_anew}
    labels = {**inherited, **_bound(waypoint, each)}
    if labels:
        tree["metadata"]["labels"] = labels
    notes = {key: meta.annotations[key] for key in _ANNOTATIONS if key in meta.annotations}
    tree["metadata"]["annotations"] = {**notes, **tree["metadata"]["annotations"]}
    return tree


def _means_something(key: str) -> bool:
    """Whether Istio reads a label; by others, tools that keep objects would take the new one for theirs."""
    return key.partition("/")[0].endswith(_READ)


def _bound(waypoint: Waypoint | None, each: SubsetService) -> dict[str, str]:
    """The labels that bind it to its parent's waypoint."""
    if waypoint is None:
        return {}
    far = {USE_WAYPOINT_NAMESPACE: waypoint.namespace} if waypoint.namespace != each.namespace else {}
    return {USE_WAYPOINT: waypoint.name, **far}


def destination_rule(found: Survey, each: SubsetService, rule: str) -> Tree | None:
    """What is asked of connections to the subset, for its Service; None where nothing is.

    Raises:
        MalformedError: the policies cannot be read.
    """
    merged = found.rule_for(each.parent)
    if merged is None or each.rule is None:
        return None
    subset = merged.subsets[each.subset]
    policy = _policy(each, merged.policy, subset.policy)
    if not policy:
        return None
    host = f"{each.name}.{each.namespace}.svc.{found.defaults.domain}"
    waypoint = found.waypoint(each.parent)
    spaces = {found.index.settings.root_namespace, waypoint.namespace if waypoint else each.namespace}
    space = merged.namespace if merged.namespace in spaces else each.namespace
    of = (each.rule.api_version, each.rule.kind)
    return made(of, (space, each.name), {"host": host, "trafficPolicy": policy}, str(each.rule), rule)


def _policy(each: SubsetService, base: Mapping[str, Any] | None, own: Mapping[str, Any]) -> Tree:
    """Both policies as one, port by port where a port is asked for something else."""
    general = effective(base, own or None, _NO_PORT)
    asked = {port for policy in (base or {}, own) for port in _ports(policy)}
    by_port = []
    for port in each.parent.ports:
        told = effective(base, own or None, port.number)
        if port.number in asked and told != general:
            settings = {field: told[field] for field in _PER_PORT if field in told}
            by_port.append({"port": {"number": port.number}, **settings})
    return {**general, **({"portLevelSettings": by_port} if by_port else {})}


def _ports(policy: Mapping[str, Any]) -> list[int]:
    listed = mappings(policy.get("portLevelSettings"), "portLevelSettings")
    return [as_dict(each.get("port")).get("number", _NO_PORT) for each in listed]
