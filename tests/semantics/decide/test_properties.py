"""What holds for every mesh and every request, whatever they are."""

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.generated import (
    BACK,
    GATEWAY,
    ROOT,
    SHOP,
    WORKLOADS,
    indexed,
    network_policies,
    peer_authentications,
    policies,
    request_authentications,
    requests,
    worlds,
)
from tests.support.mesh import o
from tests.support.scenes import peers, pods, policy, service

from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import CheckKind, Verdict

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")
ASKED = st.lists(requests(), min_size=1, max_size=5)
ELSEWHERE = "elsewhere"


def answers(objects, asked):
    index = indexed(objects)
    return [decide(index, request) for request in asked]


def of_kind(objects, kind):
    return [each for each in objects if each["kind"] == kind]


@given(worlds(), ASKED, st.randoms(use_true_random=False))
def test_the_order_of_objects_never_matters(objects, asked, random):
    before = answers(objects, asked)
    shuffled = list(objects)
    random.shuffle(shuffled)
    assert answers(shuffled, asked) == before


@given(worlds(), ASKED)
def test_asked_twice_it_says_the_same(objects, asked):
    index = indexed(objects)
    assert [decide(index, each) for each in asked] == [decide(index, each) for each in asked]


@given(worlds(), ASKED)
def test_every_answer_says_why(objects, asked):
    for found in answers(objects, asked):
        assert found.branches
        assert all(branch.path for branch in found.branches)
        if found.verdict is Verdict.UNKNOWN:
            assert found.unknowns
            assert all(each.reason for each in found.unknowns)
        for branch in found.branches:
            if branch.verdict is Verdict.ALLOW:
                assert branch.decider is None
            else:
                decider = branch.decider
                assert decider.object or decider.reason or decider.outcome or decider.authorization
            if branch.verdict is Verdict.DENY and branch.decider.kind is CheckKind.AUTHORIZATION:
                assert branch.decider.object or branch.decider.authorization


@st.composite
def strangers(draw):
    """Objects that nobody of the three workloads has to do with."""
    kind = draw(st.sampled_from(("space", "selector", "service", "policy", "peer", "net", "token", "class")))
    nobody = {"selector": {"matchLabels": {"app": "nobody"}}}
    match kind:
        case "space":
            return [*pods("web", "ambient", ELSEWHERE, ip="10.7.7.7"), service("web", ELSEWHERE, vip="10.96.7.7")]
        case "selector":
            made = draw(policies("stranger"))
            made["spec"] = {key: value for key, value in made["spec"].items() if key != "targetRefs"} | nobody
            return [made]
        case "service":
            return [service("lonely", draw(st.sampled_from((SHOP, BACK))), selector={"app": "nobody"}, vip="10.96.7.8")]
        case "policy" | "peer" | "net" | "token":
            make = {
                "policy": policies, "peer": peer_authentications, "net": network_policies, "token": request_authentications,
            }[kind]  # fmt: skip
            made = draw(make("stranger"))
            made["metadata"]["namespace"] = ELSEWHERE
            return [made]
        case _:
            return [o.istio("Telemetry", "t", SHOP, {"tracing": [{}]})]


@given(worlds(), strangers(), ASKED)
def test_what_nobody_has_to_do_with_changes_nothing(objects, more, asked):
    assert answers([*objects, *more], asked) == answers(objects, asked)


@given(worlds(), policies("more", "DENY"), ASKED)
def test_another_deny_never_admits(objects, more, asked):
    for before, after in zip(answers(objects, asked), answers([*objects, more], asked), strict=True):
        if before.verdict is Verdict.DENY:
            assert after.verdict is Verdict.DENY
        if after.verdict is Verdict.ALLOW:
            assert before.verdict is Verdict.ALLOW


@given(worlds(), ASKED, st.integers(0, 3))
def test_one_allow_less_never_admits_while_its_place_keeps_another(objects, asked, which):
    """A twin that allows nothing stands where it stood, so that the allow-list stays one."""
    allows = [each for each in of_kind(objects, "AuthorizationPolicy") if each["spec"]["action"] == "ALLOW"]
    if not allows:
        return
    gone = allows[which % len(allows)]
    twin = copy.deepcopy(gone)
    twin["metadata"]["name"] = "nobody"
    twin["spec"]["rules"] = []
    both = [*objects, twin]
    fewer = [each for each in both if each is not gone]
    for before, after in zip(answers(both, asked), answers(fewer, asked), strict=True):
        if after.verdict is Verdict.ALLOW:
            assert before.verdict is Verdict.ALLOW
        if before.verdict is Verdict.DENY:
            assert after.verdict is Verdict.DENY


def everywhere():
    """An ALLOW for everybody at every enforcement point: pods by namespace, waypoints by class."""
    by_class = {
        "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "GatewayClass", "name": "istio-waypoint"}]
    }
    return [policy("all", {}, space=ROOT), policy("all-waypoints", {}, space=ROOT, **by_class)]


@given(worlds(), ASKED)
def test_a_rule_without_conditions_admits_all_that_no_deny_refuses(objects, asked):
    kept = [
        each
        for each in objects
        if each["kind"] != "AuthorizationPolicy" or each["spec"]["action"] not in {"DENY", "CUSTOM"}
    ]
    without = [each for each in kept if each["kind"] != "AuthorizationPolicy"]
    for free, found in zip(answers(without, asked), answers([*kept, *everywhere()], asked), strict=True):
        assert found.verdict is free.verdict


@given(worlds(), ASKED)
def test_strict_everywhere_admits_nobody_whom_permissive_refuses(objects, asked):
    others = [each for each in objects if each["kind"] != "PeerAuthentication"]
    open_, strict = (answers([*others, peers(mode)], asked) for mode in ("PERMISSIVE", "STRICT"))
    for before, after in zip(open_, strict, strict=True):
        if before.verdict is Verdict.DENY:
            assert after.verdict is not Verdict.ALLOW


@given(worlds(modes=("none",)), ASKED)
def test_outside_of_the_mesh_nothing_of_istio_decides(objects, asked):
    """No proxy, no policy: only networks, names and ports are left."""
    bare = [each for each in objects if not each["apiVersion"].partition("/")[0].endswith("istio.io")]
    index = indexed(bare)
    for request, found in zip(asked, answers(objects, asked), strict=True):
        if request.to != "api.example.com" and getattr(request.client, "name", "") != GATEWAY:
            kinds = {check.kind for branch in found.branches for hop in branch.path for check in hop.checks}
            assert not kinds & {
                CheckKind.AUTHORIZATION,
                CheckKind.PEER_AUTHENTICATION,
                CheckKind.REQUEST_AUTHENTICATION,
            }
            assert decide(index, request).verdict is found.verdict


def test_worlds_reach_every_verdict_and_every_check():
    """The generator is worth its name: a property over meshes that never refuse says nothing."""
    verdicts, kinds = set(), set()

    @settings(max_examples=500, derandomize=True)
    @given(worlds(), ASKED)
    def look(objects, asked):
        for found in answers(objects, asked):
            verdicts.add(found.verdict)
            kinds.update(check.kind for branch in found.branches for hop in branch.path for check in hop.checks)

    look()
    assert verdicts == set(Verdict)
    assert kinds >= set(CheckKind) - {CheckKind.CAPTURE}
    assert len(WORKLOADS) == 3
