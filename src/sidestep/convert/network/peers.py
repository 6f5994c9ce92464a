"""Peers of NetworkPolicy rules: whom they name, and waypoints as peers.

Source: Kubernetes NetworkPolicy API.
"""

from collections.abc import Iterable

import msgspec

from sidestep.convert.rewrite import Context, Tree, Waypoint
from sidestep.model.metadata import Labels
from sidestep.model.views.apps import LabelSelector
from sidestep.semantics.injection import NAMESPACE_NAME
from sidestep.semantics.instances import Instances
from sidestep.semantics.loose import as_dict, as_dicts
from sidestep.semantics.proxies import GATEWAY_NAME
from sidestep.semantics.selectors import selects


def waypoint_peer(waypoint: Waypoint) -> Tree:
    """A waypoint's pods."""
    return {
        "namespaceSelector": {"matchLabels": {NAMESPACE_NAME: waypoint.namespace}},
        "podSelector": {"matchLabels": {GATEWAY_NAME: waypoint.name}},
    }


def named(context: Context, peers: object, namespace: str, pods: Instances) -> bool:
    """Whether peers of a policy in a namespace take in pods; no peers are everybody."""
    listed = as_dicts(peers)
    return not listed or any(names(context, each, namespace, pods) for each in listed)


def waypoints_before(context: Context, pods: Iterable[Instances]) -> tuple[Waypoint, ...]:
    """The waypoints by which pods are reached."""
    found = {context.waypoint_of(service) for each in pods for service in context.index.in_front_of(each)}
    return tuple(sorted(each for each in found if each is not None))


def names(context: Context, peer: Tree, namespace: str, pods: Instances) -> bool:
    """Whether one peer of a policy in a namespace takes in pods."""
    if "ipBlock" in peer:
        return False
    if "namespaceSelector" not in peer:
        near = namespace == pods.namespace
    else:
        own = {NAMESPACE_NAME: pods.namespace, **context.index.mesh.namespace_labels(pods.namespace)}
        near = _takes(peer["namespaceSelector"], own)
    return near and ("podSelector" not in peer or _takes(peer["podSelector"], pods.labels))


def _takes(selector: object, labels: Labels) -> bool:
    try:
        return selects(msgspec.convert(as_dict(selector), LabelSelector), labels)
    except msgspec.ValidationError:
        return False
