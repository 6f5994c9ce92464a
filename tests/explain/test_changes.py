"""What changes between two decisions, where no code of the catalogue says it better."""

from tests.support.scenes import ask, index, pods, policy, service

from sidestep.explain.changes import changes
from sidestep.semantics.authorization.trust import Bundle


def told(before, after, who="web", to="cart"):
    found = changes(ask(before, who, to), ask(after, who, to), Bundle())
    return [(each.code, each.direction, each.text) for each in found]


def scene(mode, *more):
    return index(pods("web", mode), pods("cart", mode), service("cart"), *more)


def test_nothing_changes_nothing_is_told():
    assert told(scene("sidecar"), scene("sidecar")) == []


def test_a_verdict_that_changes_comes_first():
    shut = scene("sidecar", policy("nobody", app="cart"))
    first = told(scene("sidecar"), shut)[0]
    assert first[:2] == ("", "closed")
    assert first[2].startswith("allowed before, denied after: refused at the server sidecar")
    assert told(shut, scene("sidecar"))[0][1] == "open"


def test_a_refusal_of_another_shape():
    gone, shut = scene("sidecar", policy("nobody", app="cart")), scene("ambient", policy("nobody", app="cart"))
    assert ("", "observed", "the client sees 403 before, reset after") in told(gone, shut)


def test_another_end_is_a_route():
    other = index(pods("web"), pods("till", labels={"app": "cart"}), service("cart"))
    assert told(scene("sidecar"), other)[0] == (
        "", "route", "it ends at Deployment shop/cart before, at Deployment shop/till after",
    )  # fmt: skip


def test_codes_carry_their_page_and_no_stops_are_told_beside_them():
    found = changes(ask(scene("sidecar"), "web", "cart"), ask(scene("ambient"), "web", "cart"), Bundle())
    assert all(each.docs == f"docs/differences/{each.code}.md" for each in found if each.code)
    assert not any("it passes" in each.text for each in found) or not any(each.code for each in found)
