"""What holds for several VirtualServices and DestinationRules of several namespaces, and for any manner of nonsense."""

import copy

from hypothesis import given
from hypothesis import strategies as st
from tests.convert.rules.route_scene import SHOP, SUBSETS, Asked, convert, dr, fqdn, get, sidecars, to, vs
from tests.convert.rules.same_route import meaning
from tests.convert.rules.test_routes_properties import EXPERIMENTAL, subsets_of, virtual_services

from sidestep.convert.rewrite import Severity

CLIENTS = ("shop", "web")
BASE = (*SHOP, *sidecars("web"))
RULE = st.sampled_from(
    [
        {"route": to(fqdn("ratings"))},
        {"match": [{"uri": {"exact": "/a"}}], "route": to(fqdn("details"))},
        {"match": [{"uri": {"prefix": "/a"}}], "fault": {"abort": {"httpStatus": 500, "percentage": {"value": 100}}}, "route": to(fqdn("details"))},
    ]
)  # fmt: skip


@st.composite
def several(draw):
    made = []
    for at in range(draw(st.integers(1, 3))):
        hosts = draw(
            st.sampled_from([[fqdn("reviews")], ["*.shop.svc.cluster.local"], [fqdn("reviews"), fqdn("details")]])
        )
        exported = draw(st.sampled_from([None, None, None, ["*"], ["."], ["web", "shop"]]))
        spec = {"hosts": hosts, "http": draw(st.lists(RULE, min_size=1, max_size=3)), "exportTo": exported}
        made.append(vs(f"v{at}", spec, draw(st.sampled_from(CLIENTS)), draw(st.integers(1, 3))))
    for at in range(draw(st.integers(0, 2))):
        policy = {"loadBalancer": {"simple": draw(st.sampled_from(["RANDOM", "ROUND_ROBIN"]))}}
        exported = draw(st.sampled_from([None, ["."]]))
        host = fqdn(draw(st.sampled_from(["reviews", "ratings"])))
        made.append(
            dr(f"d{at}", {"host": host, "trafficPolicy": policy, "exportTo": exported}, draw(st.sampled_from(CLIENTS)))
        )
    return made


@given(several())
def test_what_is_not_told_stays_the_same_for_every_client(made):
    """Where nothing but form is lost, all clients get at the waypoint what each got of its sidecar."""
    found = convert(*made, base=BASE)
    if not all(each.severity is Severity.COSMETIC for each in found.losses):
        return
    before, both, after = Asked(found.before), Asked(found.both), Asked(found.after)
    for name in ("reviews", "details"):
        for path in ("/", "/a", "/ab"):
            http = get(path, authority=fqdn(name))
            at_waypoint = meaning(after.waypoint(http, name), http, {})
            for client in CLIENTS:
                expected = meaning(before.sidecar(http, name, client=client), http, {})
                assert at_waypoint == expected
                assert meaning(both.sidecar(http, name, client=client), http, {}) == expected


@given(several())
def test_twice_is_once(made):
    once = convert(*made, base=BASE)
    assert convert(base=once.after).changes == []
    again = convert(base=once.both)
    assert {str(each.object) for each in again.changes} <= {str(each.object) for each in once.changes if each.late}


@given(several(), st.randoms(use_true_random=False))
def test_the_order_of_input_is_nothing(made, random):
    shuffled = list(made)
    random.shuffle(shuffled)
    one, other = convert(*made, base=BASE), convert(*shuffled, base=BASE)
    assert (one.changes, one.losses) == (other.changes, other.losses)


NONSENSE = st.sampled_from(
    [None, True, -1, 70000, 1.5, "", "*", "(", "reviews", "0s", [], {}, [None], [[]], {"a": {}}, [{"x": 1}]]
)


def places(tree, path=()):
    """Every place in a tree."""
    children = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, each in children:
        yield (*path, key)
        yield from places(each, (*path, key))


@st.composite
def spoilt(draw, trees):
    found = copy.deepcopy(draw(trees))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.sampled_from(sorted(places(found["spec"]), key=str)))
        inner = found["spec"]
        for key in at[:-1]:
            inner = inner[key]
        inner[at[-1]] = copy.deepcopy(draw(NONSENSE))
    return found


@given(spoilt(virtual_services()), st.booleans())
def test_no_virtual_service_breaks_anything(made, experimental):
    found = convert(SUBSETS, made, *((EXPERIMENTAL,) if experimental else ()))
    assert convert(base=found.after).changes == []


@given(spoilt(st.just(SUBSETS)), virtual_services())
def test_no_destination_rule_breaks_anything(rule, made):
    found = convert(rule, made)
    assert convert(base=found.after).changes == []


@given(spoilt(virtual_services()))
def test_what_is_converted_of_nonsense_means_the_same(made):
    found = convert(SUBSETS, made)
    if found.losses:
        return
    before, after = Asked(found.before), Asked(found.after)
    for path in ("/", "/a", "/a/b", "/b/?one=x"):
        expected = before.sidecar(get(path))
        if not expected.unknown:
            assert meaning(after.waypoint(get(path)), get(path), subsets_of(found)) == meaning(expected, get(path), {})
