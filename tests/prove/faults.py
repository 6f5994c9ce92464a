"""Faults that rewrites make, seeded into a mesh after its migration: one object at a time, one field at a time."""

import copy

from sidestep.actions.in_memory.working_copy import WorkingCopy
from sidestep.model import kinds
from sidestep.plan.steps import Apply, Delete, SetLabels

_OTHER = {
    "methods": ["PATCH"],
    "paths": ["/somewhere/else"],
    "ports": ["9999"],
    "principals": ["cluster.local/ns/far/sa/off"],
}
_WIDER = {
    "principals": (["*"], ["cluster.local/ns/shop/*"], ["*/sa/web"]),
    "notPrincipals": (["*/sa/web"],),
    "namespaces": (["*"],),
}
"""What takes more than those who are there, and sometimes nobody else of them."""


def worsened(mesh, chance, times):
    """A mesh with one more fault each time; the same again where there is none to be had."""
    for _ in range(times):
        found = [effect for _, effect in faults(mesh)]
        mesh = faulty(mesh, chance.choice(found)) if found else mesh
        yield mesh


def faults(mesh):
    """Every fault of a mesh with what it is, each as an effect."""
    for resource in mesh.of(kinds.AUTHORIZATION_POLICY):
        yield from _of_policy(resource)
    for resource in mesh.of(kinds.REQUEST_AUTHENTICATION):
        yield f"{resource.id}: gone", Delete(resource.id, resource.tree())
        yield from _of_targets(resource)
    for resource in mesh.of(kinds.PEER_AUTHENTICATION):
        yield f"{resource.id}: gone", Delete(resource.id, resource.tree())
    for resource in mesh.of(kinds.SERVICE):
        label = resource.meta.labels.get("istio.io/use-waypoint")
        if label is not None:
            yield (
                f"{resource.id}: label missing",
                SetLabels(resource.id, {"istio.io/use-waypoint": None}, {"istio.io/use-waypoint": label}),
            )
            yield (
                f"{resource.id}: wrong label",
                SetLabels(resource.id, {"istio.io/use-waypoint": "elsewhere"}, {"istio.io/use-waypoint": label}),
            )
    for resource in mesh.of(kinds.GATEWAY):
        tree = resource.tree()
        yield f"{resource.id}: gone", Delete(resource.id, tree)
        yield f"{resource.id}: not ready", Apply(resource.id, {**tree, "status": {}}, tree)
    for resource in mesh.of(kinds.VIRTUAL_SERVICE):
        yield from _of_routes(resource, "http")
    for resource in mesh.of(kinds.HTTP_ROUTE):
        yield from _of_routes(resource, "rules")


def faulty(mesh, effect):
    """The mesh with a fault."""
    broken = WorkingCopy(mesh)
    refusal = broken.perform(effect)
    assert refusal is None, refusal
    return broken.mesh()


def _edited(resource, words, edit):
    tree = resource.tree()
    changed = copy.deepcopy(tree)
    edit(changed["spec"])
    if changed != tree:
        yield f"{resource.id}: {words}", Apply(resource.id, changed, tree)


def _of_policy(resource):
    spec = resource.tree()["spec"]
    yield f"{resource.id}: gone", Delete(resource.id, resource.tree())
    yield from _of_targets(resource)
    swapped = "ALLOW" if spec.get("action") == "DENY" else "DENY"
    yield from _edited(resource, f"action {swapped}", lambda tree: tree.update(action=swapped))
    for at, rule in enumerate(spec.get("rules") or ()):
        yield from _edited(resource, f"rules[{at}] dropped", lambda tree, at=at: tree["rules"].pop(at))
        for part in rule:
            yield from _edited(
                resource, f"rules[{at}].{part} dropped", lambda tree, at=at, part=part: tree["rules"][at].pop(part)
            )
            for place, item in enumerate(rule[part]):
                yield from _of_item(resource, at, part, place, item)


def _of_item(resource, at, part, place, item):
    fields = item.get("source") or item.get("operation") or {}
    key = "source" if "source" in item else "operation"
    for name, values in fields.items():
        where = f"rules[{at}].{part}[{place}].{name}"

        def of(tree):
            return tree["rules"][at][part][place][key]

        yield from _edited(resource, f"{where} dropped", lambda tree, name=name, of=of: of(tree).pop(name))
        if len(values) > 1:
            yield from _edited(resource, f"{where} shorter", lambda tree, name=name, of=of: of(tree)[name].pop())
        if name.startswith("not"):
            positive = name[3].lower() + name[4:]
            yield from _edited(
                resource,
                f"{where} negation lost",
                lambda tree, name=name, of=of, positive=positive: of(tree).update({positive: of(tree).pop(name)}),
            )
        else:
            negated = f"not{name[0].upper()}{name[1:]}"
            yield from _edited(
                resource,
                f"{where} negated",
                lambda tree, name=name, of=of, negated=negated: of(tree).update({negated: of(tree).pop(name)}),
            )
        for wider in _WIDER.get(name, ()):
            yield from _edited(
                resource,
                f"{where} {wider[0]}",
                lambda tree, name=name, of=of, wider=wider: of(tree).update({name: wider}),
            )
        if name in _OTHER:
            yield from _edited(
                resource, f"{where} other", lambda tree, name=name, of=of: of(tree).update({name: _OTHER[name]})
            )


def _of_targets(resource):
    spec = resource.tree()["spec"]
    if spec.get("targetRefs"):
        yield from _edited(resource, "wrong target", lambda tree: tree["targetRefs"][0].update(name="web"))
        yield from _edited(resource, "target lost", lambda tree: tree.pop("targetRefs"))
    if spec.get("selector"):
        yield from _edited(resource, "selector lost", lambda tree: tree.pop("selector"))
        yield from _edited(
            resource, "wrong selector", lambda tree: tree["selector"].update(matchLabels={"app": "stock"})
        )


def _of_routes(resource, field):
    rules = resource.tree()["spec"].get(field) or []
    if len(rules) > 1:
        yield from _edited(resource, "order swapped", lambda tree: tree[field].reverse())
        for at in range(len(rules)):
            yield from _edited(resource, f"{field}[{at}] dropped", lambda tree, at=at: tree[field].pop(at))
    for at, rule in enumerate(rules):
        for part in rule:
            if part in ("match", "matches", "rewrite", "timeout", "retries", "headers", "mirror", "filters"):
                yield from _edited(
                    resource, f"{field}[{at}].{part} dropped", lambda tree, at=at, part=part: tree[field][at].pop(part)
                )
