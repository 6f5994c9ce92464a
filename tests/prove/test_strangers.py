"""Somebody else: an account that nobody who was read has is asked as soon as policies can tell it from all others."""

from itertools import product

import pytest
from tests.support.proofs import TERMS
from tests.support.scenes import index, m, pods, policy, principal, service

from sidestep.explain.clients import client_named
from sidestep.prove.proof import Conclusion
from sidestep.prove.prover import prove
from sidestep.prove.strangers import Patterns, strangers
from sidestep.semantics.authorization.matchers import string_matcher

EVERYBODY = [principal("web"), principal("cart"), principal("desk", "ops")]


def mesh(source, mode="sidecar", action="ALLOW", *more):
    own = pods("web", mode), pods("cart", mode), pods("desk", mode, space="ops")
    return index(*own, service("cart"), policy("who", {"from": [{"source": source}]}, app="cart", action=action), *more)


APART = [
    ({"principals": ["*"]}, {"principals": EVERYBODY}),
    ({"namespaces": ["*"]}, {"namespaces": ["shop", "ops"]}),
    ({"namespaces": ["shop"]}, {"principals": [principal("web"), principal("cart")]}),
    ({"namespaces": ["shop"]}, {"namespaces": ["sh*"]}),
    ({"namespaces": ["*op", "ops"]}, {"namespaces": ["shop", "ops"]}),
    ({"principals": ["*/sa/web"]}, {"principals": [principal("web")]}),
    ({"principals": ["cluster.local/ns/shop/*"]}, {"principals": [principal("web"), principal("cart")]}),
    ({"principals": ["cluster.local/ns/ops/sa/d*"]}, {"principals": [principal("desk", "ops")]}),
    ({"principals": [*EVERYBODY, principal("to-come")]}, {"principals": EVERYBODY}),
    ({"notPrincipals": [principal("web")]}, {"principals": EVERYBODY[1:]}),
    ({"notNamespaces": ["ops"]}, {"namespaces": ["shop"]}),
]  # fmt: skip


@pytest.mark.parametrize("action", ["ALLOW", "DENY"])
@pytest.mark.parametrize("mode", ["sidecar", "ambient"])
@pytest.mark.parametrize(("one", "other"), APART)
def test_whoever_may_come_is_told_from_who_is_there(one, other, mode, action):
    for left, right in ((one, other), (other, one)):
        before, after = mesh(left, mode, action), mesh(right, mode, action)
        told = prove(before, after, TERMS)
        assert told.verdict is Conclusion.DIFFERS
        who = {each.request.partition(" ")[0] for each in told.counterexamples}
        negated = any(field.startswith("not") for field in (*one, *other))
        assert who >= {"someone"} if negated else who == {"someone"}
        command = next(each.command for each in told.counterexamples if each.request.startswith("someone "))
        found = client_named(after, command[command.index("--client") + 1])
        assert found.client.guise == mode


@pytest.mark.parametrize("mode", ["sidecar", "ambient"])
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"principals": ["*"]}, {"namespaces": ["*"]}),
        ({"namespaces": ["shop"]}, {"principals": ["cluster.local/ns/shop/*"]}),
        ({"principals": EVERYBODY}, {"principals": EVERYBODY[::-1]}),
        ({"serviceAccounts": ["shop/web"]}, {"principals": [principal("web")]}),
    ],
)
def test_what_is_written_otherwise_is_equal(one, other, mode):
    assert prove(mesh(one, mode), mesh(other, mode), TERMS).verdict is Conclusion.EQUAL


def test_nobody_comes_into_a_mesh_in_which_nobody_is():
    told = prove(mesh({"principals": ["*"]}, "none"), mesh({"principals": EVERYBODY}, "none"), TERMS)
    assert told.verdict is Conclusion.EQUAL


def test_somebody_comes_from_each_range_of_addresses():
    before = mesh({"principals": ["*"], "ipBlocks": ["192.0.2.0/24"]})
    after = mesh({"principals": EVERYBODY, "ipBlocks": ["192.0.2.0/24"]})
    told = prove(before, after, TERMS)
    assert {each.request.partition(" sends")[0].rpartition(" at ")[2] for each in told.counterexamples if "sends" in each.request} == {"192.0.2.0"}  # fmt: skip
    assert not told.undecided


def test_a_namespace_that_is_not_there_yet_has_no_labels_but_its_name():
    of = {"from": [{"namespaceSelector": {"matchLabels": {"team": "shop"}}}]}
    net = m.o.thing("networking.k8s.io/v1", "NetworkPolicy", m.o.meta("net", "shop"), spec={"podSelector": {}, "ingress": [of]})  # fmt: skip
    told = prove(mesh({"principals": ["*"]}, "sidecar", "ALLOW", net), mesh({"principals": ["*"]}), TERMS)
    assert (told.verdict, told.undecided) == (Conclusion.DIFFERS, ())


WRITTEN = ("*", "a*", "ab*", "*b", "*ab", "ab", "abc*", "b")


def test_every_class_of_names_that_patterns_cut_has_somebody():
    """Held against all short names over the letters of the patterns, and one more."""
    names = ["".join(each) for length in (1, 2, 3, 4, 5) for each in product("abcx", repeat=length)]
    for one, other in product(WRITTEN, repeat=2):
        matchers = [string_matcher(one), string_matcher(other)]
        found = {space for space, _ in strangers([Patterns(namespaces=(one, other))], ())}
        classes = [{tuple(each.matches(name) for each in matchers) for name in of} for of in (names, found)]
        assert classes[0] == classes[1], (one, other)
