"""Objects with anything in any place: every question gets an answer or an error that says what to do."""

import copy
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st
from tests.support import log_lines, scenes

from sidestep.errors import SidestepError
from sidestep.explain.answer import TODAY, State, explain
from sidestep.explain.log_answer import explain_log
from sidestep.explain.log_lines.parse import parse_log_line
from sidestep.explain.matrix import matrix
from sidestep.explain.question import Question
from sidestep.report.explanation.table import render
from sidestep.report.formats import Look

READERS = {
    "from": [{"source": {"principals": ["cluster.local/ns/shop/sa/web"], "ipBlocks": ["10.0.0.0/8"]}}],
    "to": [{"operation": {"methods": ["GET"], "paths": ["/a*"]}}],
    "when": [{"key": "request.auth.claims[group]", "values": ["a"]}],
}
ROUTE = {
    "hosts": ["cart"],
    "http": [{"match": [{"uri": {"prefix": "/"}}], "route": [{"destination": {"host": "cart"}, "weight": 100}]}],
}
GATEWAY = {"selector": {"app": "edge"}, "servers": [{"port": {"number": 80, "protocol": "HTTP"}, "hosts": ["*"]}]}
OBJECTS = [
    *scenes.pods("web", ip="10.244.0.26"),
    *scenes.pods("cart", "ambient", ip="10.244.0.31"),
    *scenes.pods("edge", "gateway"),
    scenes.service("cart", labels={"istio.io/use-waypoint": "waypoint"}),
    *scenes.waypoint(),
    scenes.policy("readers", READERS, service="cart"),
    scenes.policy("readers-l4", READERS, app="cart"),
    scenes.peers("STRICT", "shop"),
    scenes.m.o.istio("VirtualService", "cart", "shop", ROUTE),
    scenes.m.o.istio("Gateway", "front", "shop", GATEWAY),
]
JUNK = st.sampled_from([None, 0, -1, 1.5, True, "", "*", "x" * 300, [], {}, [None], [[]], {"": None}, {"a": {"b": 1}}])
QUESTIONS = (
    Question("shop/web", "cart"),
    Question("shop/web", "cart", tcp=True),
    Question("gateway:front", "cart.shop", method="POST", path="/a", claims=("group=a",)),
    Question("outside", "shop/cart"),
    Question("shop/web", "10.244.0.31", port=8080),
)


def places(tree, path=()):
    """Every place in a tree below metadata's own names."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


PLACES = [
    (number, path)
    for number, each in enumerate(OBJECTS)
    for path in places(each)
    if path[0] not in ("apiVersion", "kind") and path[:2] not in (("metadata", "name"), ("metadata", "namespace"))
    if len(path) > 1
]


@st.composite
def broken(draw):
    objects = copy.deepcopy(OBJECTS)
    for number, path in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3)):
        tree = objects[number]
        with suppress(KeyError, IndexError, TypeError):
            for key in path[:-1]:
                tree = tree[key]
            tree[path[-1]] = draw(JUNK)
    return objects


@given(broken())
def test_anything_anywhere_is_answered_or_refused_in_words(objects):
    try:
        mesh = scenes.index(objects)
    except (TypeError, ValueError, AttributeError, KeyError):
        return  # the helper that adds namespaces reads metadata itself
    states = [State(TODAY, mesh)]
    for question in QUESTIONS:
        with suppress(SidestepError):
            assert render(explain(states, question), Look(80))
    with suppress(SidestepError):
        assert matrix(states[0], "shop").rows
    assert explain_log(parse_log_line(log_lines.OUTBOUND), states).comparison.text
