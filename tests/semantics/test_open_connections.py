"""Whether open connections go on when policies change (checked.md, D16); the same by packets: `lab demo D16`."""

import pytest
from tests.semantics.differences.cases.scene import ambient, ask, callers, pair, sidecars
from tests.support import scenes

from sidestep.semantics.open_connections import goes_on
from sidestep.semantics.requests import Tcp

OPENED = ask(Tcp())


def shut(account, **where):
    return scenes.policy("shut-out", callers(account), action="DENY", **where)


def strict(mode):
    return scenes.peers(mode)


@pytest.mark.parametrize(
    ("before", "after", "stays"),
    [
        ([shut("desk", app="cart")], [shut("web", app="cart")], False),
        ([], [shut("web")], False),
        ([shut("desk")], [shut("web")], False),
        ([], [shut("web", space="istio-system")], False),
        ([], [shut("web", app="cart")], True),
        ([shut("desk", app="cart")], [shut("nobody", app="cart")], True),
        ([shut("desk", app="cart")], [], True),
    ],
)
def test_policies_change_under_an_open_connection(before, after, stays):
    meshes = [
        [scenes.index(*made(*objects, protocol="tcp")) for objects in (before, after)] for made in (ambient, sidecars)
    ]
    assert [goes_on(*each, OPENED) for each in meshes] == [stays, True]


def test_a_new_strict_cuts_nobody():
    before, after = (scenes.index(*pair("none", "ambient", *more, protocol="tcp")) for more in ([], [strict("STRICT")]))
    assert goes_on(before, after, OPENED) is True


def test_what_was_not_let_in_is_not_open():
    refused = scenes.index(*ambient(shut("web", app="cart"), protocol="tcp"))
    assert goes_on(refused, scenes.index(*ambient(protocol="tcp")), OPENED) is None
