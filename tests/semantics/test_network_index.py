from tests.support import mesh as m

from sidestep.semantics.network_index import NetworkIndex


def rules(*policies, namespace="shop"):
    return NetworkIndex(m.mesh(m.namespace(), *policies)).rules(namespace)


def policy(name, selector, kinds=("Ingress",)):
    found = m.o.network_policy(name, "shop", "", ())
    found["spec"] |= {"podSelector": selector, "policyTypes": list(kinds)}
    return found


def names(found):
    return [each.meta.name for each in found]


def test_a_namespace_without_policies_has_no_rules_nor_has_who_is_in_none():
    assert rules() is None
    assert rules(policy("one", {}), namespace="") is None


def test_finds_policies_by_labels_and_by_expressions():
    expression = {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}
    found = rules(policy("all", {}), policy("cart", {"matchLabels": {"app": "cart"}}), policy("others", expression))
    assert names(found.received({"app": "cart"})) == ["all", "cart", "others"]
    assert names(found.received({"app": "web"})) == ["all"]


def test_directions_are_told_apart():
    found = rules(policy("in", {}), policy("out", {}, ("Egress",)), policy("both", {}, ("Ingress", "Egress")))
    assert names(found.received({})) == ["in", "both"]
    assert names(found.sent({})) == ["out", "both"]
