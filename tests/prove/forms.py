"""Pairs of meshes that differ in form alone: renamed, reordered, split, merged, said twice."""

import copy
import random

from tests.prove.random_meshes import World


def renamed(policies, chance):
    for number, each in enumerate(policies):
        each["metadata"]["name"] = f"{chance.choice('abz')}-{number}"


def reordered(policies, chance):
    chance.shuffle(policies)
    for each in policies:
        chance.shuffle(each["spec"]["rules"])
        for rule in each["spec"]["rules"]:
            for part in rule.values():
                chance.shuffle(part)
                for item in part:
                    for values in _values(item):
                        chance.shuffle(values)


def split(policies, _chance):
    """Each rule a policy of its own."""
    for each in [each for each in policies if len(each["spec"]["rules"]) > 1]:
        policies.remove(each)
        for number, rule in enumerate(each["spec"]["rules"]):
            own = copy.deepcopy(each)
            own["metadata"]["name"] += f"-{number}"
            own["spec"]["rules"] = [rule]
            policies.append(own)


def merged(policies, _chance):
    """Policies of one place and action as one; one without rules stays what it is."""
    kept = {}
    for each in policies:
        spec = each["spec"]
        key = (each["metadata"]["namespace"], spec["action"], repr(spec.get("selector")), repr(spec.get("targetRefs")))
        if key in kept:
            kept[key]["spec"]["rules"] += spec["rules"]
        else:
            kept[key] = each
    policies[:] = kept.values()


def spelled_out(policies, _chance):
    """Each value of a field that must be one of several becomes an item of its own."""
    for each in policies:
        for rule in each["spec"]["rules"]:
            for part, key in (("from", "source"), ("to", "operation")):
                if part in rule:
                    rule[part] = [own for item in rule[part] for own in _spelled(item, key)]


def said_twice(policies, chance):
    for each in policies:
        if each["spec"]["rules"]:
            each["spec"]["rules"].append(copy.deepcopy(chance.choice(each["spec"]["rules"])))


def narrower_beside(policies, _chance):
    """What a rule takes already, said again for one method."""
    for each in policies:
        for rule in list(each["spec"]["rules"]):
            if not rule.get("to"):
                each["spec"]["rules"].append({**copy.deepcopy(rule), "to": [{"operation": {"methods": ["PUT"]}}]})


def _spelled(item, key):
    fields = item[key]
    name = next((name for name, values in fields.items() if not name.startswith("not") and len(values) > 1), None)
    if name is None:
        return [item]
    return [own for value in fields[name] for own in _spelled({key: {**fields, name: [value]}}, key)]


def _values(item):
    return [each for each in (item.get("source") or item.get("operation") or item).values() if isinstance(each, list)]


FORMS = (renamed, reordered, split, merged, spelled_out, said_twice, narrower_beside)


def pair_of(seed):
    """A random world, its parts, and the same said in other forms."""
    world, chance = World(seed), random.Random(seed)  # noqa: S311 - the same seed must make the same pair
    parts = world.mesh()
    parts["policies"] = [each for each in parts["policies"] if each["spec"]["rules"]] or [world.policy(7)]
    if any(each["spec"]["rules"] == [] for each in parts["policies"]):
        parts["policies"] = []
    other = copy.deepcopy(parts)
    for form in chance.sample(FORMS, 3):
        form(other["policies"], chance)
    return world, parts, other
