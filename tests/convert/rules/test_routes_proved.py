"""Routes to versions of a service are proved to be what they were, under whatever names and forms they are written now."""

import copy

import pytest
from tests.support.conversions import after, context, convert
from tests.support.scenes import index, m, pods, service

from sidestep.prove.proof import Conclusion
from sidestep.prove.prover import prove

VERSIONS = ("v1", "v2")


def shop(mode):
    versions = (pods(f"cart-of-{each}", mode, labels={"app": "cart", "version": each}) for each in VERSIONS)
    return [
        m.o.labelled_namespace("shop", {"istio-injection": "enabled"}), *pods("web", mode), *versions,
        service("web"), service("cart"),
    ]  # fmt: skip


def rules(*policies):
    """Subsets, each with what is asked of its connections."""
    subsets = [
        {"name": name, "labels": {"version": name}, **({"trafficPolicy": policy} if policy else {})}
        for name, policy in zip(VERSIONS, policies, strict=True)
    ]
    return m.o.istio("DestinationRule", "cart", "shop", {"host": "cart", "subsets": subsets})


def routes(*http):
    return m.o.istio("VirtualService", "cart", "shop", {"hosts": ["cart"], "http": list(http)})


def to(version, **more):
    return {"destination": {"host": "cart", "subset": version}, **more}


def edit(value):
    return {"response": {"add": {"x-version": value}}}


TAGGED = {"route": [to("v1", weight=90, headers=edit("one")), to("v2", weight=10, headers=edit("two"))]}
MIRRORED = {"route": [to("v1")], "mirror": to("v2")["destination"], "mirrorPercentage": {"value": 12.5}}
LIMITED = ({"loadBalancer": {"simple": "RANDOM"}}, {"loadBalancer": {"simple": "ROUND_ROBIN"}})


def moved(*http, policies=(None, None)):
    config = [routes(*http), rules(*policies)]
    today = index(*shop("sidecar"), *config, version="1.31")
    found = context(today, "cart", version="1.31")
    given = convert(found)
    assert not given.losses
    assert "HTTPRoute" in {each.object.kind for each in given.changes}
    return today, found, config, given.changes


@pytest.mark.parametrize(
    ("rule", "policies"),
    [
        (TAGGED, (None, None)),
        (MIRRORED, (None, None)),
        ({"route": [to("v1", weight=50), to("v2", weight=50)]}, LIMITED),
        ({"route": [to("v2")], "timeout": "1.5s"}, (None, None)),
        ({"match": [{"withoutHeaders": {"x-no": {}}}], "route": [to("v1")], "timeout": "90s"}, (None, None)),
    ],
    ids=[
        "headers of each version",
        "copies to a version",
        "policies of each version",
        "time limit",
        "without a header",
    ],
)
def test_versions_by_other_names_are_the_same(rule, policies):
    today, found, config, changes = moved(rule, {"route": [to("v1")]}, policies=policies)
    proof = prove(today, after(shop, config, found, changes))
    assert not proof.counterexamples, proof.counterexamples[0]
    assert proof.verdict is Conclusion.EQUAL


def _swapped(tree):
    """Each version where the other was, in what is said beside the destinations."""
    first, second = tree["backendRefs"]
    first["filters"], second["filters"] = second["filters"], first["filters"]


def _elsewhere(tree):
    [copied] = [each["requestMirror"] for each in tree["filters"] if each["type"] == "RequestMirror"]
    copied["backendRef"]["name"] = "cart-v1"


def _longer(tree):
    tree["timeouts"] = {"request": "1s501ms"}


@pytest.mark.parametrize(
    ("rule", "fault"), [(TAGGED, _swapped), (MIRRORED, _elsewhere), ({"route": [to("v2")], "timeout": "1.5s"}, _longer)]
)
def test_what_is_really_otherwise_is_found(rule, fault):
    today, found, config, changes = moved(rule)
    broken = copy.deepcopy(list(changes))
    [route] = [each for each in broken if each.object.kind == "HTTPRoute"]
    fault(route.manifest["spec"]["rules"][0])
    proof = prove(today, after(shop, config, found, broken))
    assert proof.verdict is Conclusion.DIFFERS


def test_who_moved_already_counts_as_he_did():
    """A route of one namespace's clients stays theirs, though everybody else has left his sidecar."""
    team = [m.o.labelled_namespace("team", {"istio-injection": "enabled"}), *pods("cli", space="team")]
    own = {"hosts": ["cart.shop.svc.cluster.local"], "exportTo": ["."], "http": [{"route": [{"destination": {"host": "cart.shop.svc.cluster.local"}}], "timeout": "1s"}]}  # fmt: skip
    private = m.o.istio("VirtualService", "cart", "team", own)
    for mode in ("sidecar", "ambient"):
        found = context(index(*shop(mode), *team, private), "cart")
        assert not [each for each in convert(found).changes if each.object.kind == "HTTPRoute"]
