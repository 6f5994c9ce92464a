"""What a change needs of others: an object that it names, what is about pods that move, the pods of a namespace.

A Service that is led to a waypoint which nobody makes is refused everybody, a policy at a Service that no waypoint is
before holds for nobody (istio#57315), and a pod that moves without either leaves its sidecar's rules behind.
"""

from collections.abc import Iterable, Iterator, Mapping

from sidestep.convert.ledger import Key, key_of
from sidestep.convert.pods.template import at, path_of
from sidestep.convert.rewrite import ORIGIN, Change, Tree
from sidestep.model.kinds import GATEWAY, NAMESPACE, NETWORK_POLICY, SERVICE
from sidestep.semantics.loose import as_dict, as_dicts, as_text
from sidestep.semantics.waypoints import USE_WAYPOINT, USE_WAYPOINT_NAMESPACE

Needs = Iterator[tuple[Key, Key]]


def hanging(changes: Iterable[Change]) -> Mapping[Key, list[Key]]:
    """Of each object, the others that must not be changed where it cannot be."""
    found: dict[Key, list[Key]] = {}
    told = list(changes)
    for rule in (_made, _named, _before_pods, _of_namespaces):
        for needy, needed in rule(told):
            found.setdefault(needed, []).append(needy)
    return found


def _made(changes: list[Change]) -> Needs:
    """An object that changes and what is made of it, both ways; what a plan makes stands for itself."""
    changed = {key_of(each.object) for each in changes}
    for each in changes:
        meta = as_dict((each.manifest or {}).get("metadata"))
        own, origin = key_of(each.object), key_of(each.origin)
        if own != origin and origin in changed and as_dict(meta.get("annotations")).get(ORIGIN) == str(each.origin):
            yield own, origin
            yield origin, own


def _named(changes: list[Change]) -> Needs:
    """Whoever names an object, and a Service what is attached to it: it stands for what pods held themselves."""
    for each in changes:
        own, tree = key_of(each.object), each.manifest or {}
        space = each.object.namespace or each.object.name
        labels = as_dict(as_dict(tree.get("metadata")).get("labels"))
        if USE_WAYPOINT in labels:
            place = as_text(labels.get(USE_WAYPOINT_NAMESPACE)) or space
            yield own, (GATEWAY.group, GATEWAY.name, place, as_text(labels[USE_WAYPOINT]))
        spec = as_dict(tree.get("spec"))
        yield from ((own, _key(ref, space)) for ref in _references(spec))
        yield from ((_key(ref, space), own) for ref in as_dicts(spec.get("targetRefs")))


def _references(spec: Tree) -> Iterator[Tree]:
    yield from as_dicts(spec.get("targetRefs"))
    yield from as_dicts(spec.get("parentRefs"))
    for rule in as_dicts(spec.get("rules")):
        yield from as_dicts(rule.get("backendRefs"))
    parameters = as_dict(as_dict(spec.get("infrastructure")).get("parametersRef"))
    if parameters:
        yield parameters


def _key(ref: Tree, space: str) -> Key:
    kind = as_text(ref.get("kind")) or SERVICE.name
    return as_text(ref.get("group")), kind, as_text(ref.get("namespace")) or space, as_text(ref.get("name"))


def _before_pods(changes: list[Change]) -> Needs:
    """Pods that move, the Services before them, and the NetworkPolicies that let them, or hold them, otherwise then."""
    about: dict[str, list[tuple[Key, Tree]]] = {}
    for each in changes:
        selector = _selects(each)
        if selector is not None:
            about.setdefault(each.object.namespace, []).append((key_of(each.object), selector))
    for own, labels in _templates(changes):
        yield from ((own, key) for key, selector in about.get(own[2], ()) if selector.items() <= labels.items())


def _selects(change: Change) -> Tree | None:
    """Labels of the pods that an object is about; None where it is about none. Expressions may be true of anybody."""
    spec = as_dict((change.manifest or {}).get("spec"))
    if change.object.kind == SERVICE.name:
        return as_dict(spec.get("selector")) or None
    if change.object.kind == NETWORK_POLICY.name and spec:
        return as_dict(as_dict(spec.get("podSelector")).get("matchLabels"))
    return None


def _of_namespaces(changes: list[Change]) -> Needs:
    """A namespace that asks for ambient, and all of its pods that move."""
    spaces = {each.object.name: key_of(each.object) for each in changes if each.object.kind == NAMESPACE.name}
    yield from ((spaces[own[2]], own) for own, _ in _templates(changes) if own[2] in spaces)


def _templates(changes: list[Change]) -> Iterator[tuple[Key, Tree]]:
    """Workloads, with the labels of their pods."""
    for each in changes:
        path = path_of(each.manifest) if each.manifest is not None else None
        if each.manifest is not None and path is not None:
            yield key_of(each.object), as_dict(as_dict(at(each.manifest, path).get("metadata")).get("labels"))
