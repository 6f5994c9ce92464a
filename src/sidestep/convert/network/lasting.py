"""Peers of NetworkPolicies that mean the same namespaces before and after these ask for ambient.

Source: Kubernetes NetworkPolicy API; `convert/pods/relabelled.py` for which labels change. A selector by what stays is
put beside one by what goes, so that nobody is let in or kept out at any time in between.
"""

from collections.abc import Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct

from sidestep.convert.network.hbone import EGRESS, INGRESS, Direction
from sidestep.convert.pods.relabelled import CHANGED, names_changed, relabelled
from sidestep.convert.rewrite import Context, Tree
from sidestep.model.kinds import NAMESPACE
from sidestep.model.metadata import Labels
from sidestep.model.views.apps import LabelSelector
from sidestep.semantics.enrolment import DATAPLANE_MODE
from sidestep.semantics.injection import NAMESPACE_NAME
from sidestep.semantics.loose import as_dict, as_dicts
from sidestep.semantics.selectors import selects

_AMBIENT = "ambient"


class _Spaces(Struct, frozen=True):
    """Labels of all namespaces that were read, before and after."""

    before: Mapping[str, Labels]
    after: Mapping[str, Labels]

    @classmethod
    def of(cls, context: Context) -> "_Spaces":
        changed = relabelled(context)
        before = {each.meta.name: each.meta.labels for each in context.index.mesh.of(NAMESPACE)}
        after = {name: changed[name][1] if name in changed else labels for name, labels in before.items()}
        return cls(_named(before), _named(after))


def lasting(spec: Tree, context: Context) -> Tree:
    """A NetworkPolicy's spec whose peers are the same namespaces afterwards; the same where they are anyway."""
    if not any(map(_changing, _peers(spec))) or not relabelled(context):
        return spec
    spaces = _Spaces.of(context)
    return {
        **spec,
        **{way.rules: [_rule(rule, way, spaces) for rule in spec[way.rules]] for way in _WAYS if spec.get(way.rules)},
    }


_WAYS = (INGRESS, EGRESS)


def _named(spaces: Mapping[str, Labels]) -> dict[str, Labels]:
    return {name: {NAMESPACE_NAME: name, **labels} for name, labels in spaces.items()}


def _peers(spec: Tree) -> Iterator[Tree]:
    for way in _WAYS:
        for rule in as_dicts(spec.get(way.rules)):
            yield from as_dicts(rule.get(way.peers))


def _changing(peer: Tree) -> bool:
    return names_changed(as_dict(peer.get("namespaceSelector")))


def _rule(rule: Tree, way: Direction, spaces: _Spaces) -> Tree:
    found: list[Tree] = []
    for peer in as_dicts(rule.get(way.peers)):
        parts = _lasting(peer, spaces) if _changing(peer) else (peer,)
        found += [each for each in parts if each not in found]
    return {**rule, way.peers: found} if found else rule


def _lasting(peer: Tree, spaces: _Spaces) -> Iterator[Tree]:
    """A peer without namespaces that it would come to mean, and one for those that it would mean no more."""
    selector = as_dict(peer["namespaceSelector"])
    meant, then = _chosen(selector, spaces.before), _chosen(selector, spaces.after)
    new, lost = then - meant, meant - then
    if new:
        named: tuple[tuple[str, Iterable[str]], ...] = ((DATAPLANE_MODE, (_AMBIENT,)), (NAMESPACE_NAME, sorted(new)))
        forms = [_with(selector, _expression(key, values, "NotIn")) for key, values in named]
        fitting = (
            each for each in forms
            if _chosen(each, spaces.before) == meant and _chosen(each, spaces.after) == then - new
        )  # fmt: skip
        yield {**peer, "namespaceSelector": next(fitting, forms[-1])}
    else:
        yield peer
    if lost:
        forms = [_by_what_stays(selector), {"matchExpressions": [_expression(NAMESPACE_NAME, sorted(lost), "In")]}]
        fitting = (
            each for each in forms
            if _chosen(each, spaces.before) <= meant and lost <= _chosen(each, spaces.after) <= meant
        )  # fmt: skip
        yield {**peer, "namespaceSelector": next(fitting, forms[-1])}


def _by_what_stays(selector: Tree) -> Tree:
    """The same for whoever asks for ambient, without what it asked of labels that go."""
    labels = {key: value for key, value in as_dict(selector.get("matchLabels")).items() if key not in CHANGED}
    asked = [each for each in as_dicts(selector.get("matchExpressions")) if each.get("key") not in CHANGED]
    found = {key: value for key, value in selector.items() if key not in ("matchLabels", "matchExpressions")}
    found["matchLabels"] = {**labels, DATAPLANE_MODE: _AMBIENT}
    return {**found, "matchExpressions": asked} if asked else found


def _with(selector: Tree, expression: Tree) -> Tree:
    return {**selector, "matchExpressions": [*as_dicts(selector.get("matchExpressions")), expression]}


def _expression(key: str, values: Iterable[str], operator: str) -> Tree:
    return {"key": key, "operator": operator, "values": list(values)}


def _chosen(selector: Tree, spaces: Mapping[str, Labels]) -> frozenset[str]:
    try:
        wanted = msgspec.convert(selector, LabelSelector)
    except msgspec.ValidationError:
        return frozenset()
    return frozenset(name for name, labels in spaces.items() if selects(wanted, labels))
