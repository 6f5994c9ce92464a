"""How objects of a lab are named: as kubectl takes them."""

import pytest

from sidestep.cli.lab.choices import named_objects
from sidestep.errors import UsageError
from sidestep.lab.cluster.objects import Ref

_WEB, _CART = Ref("deployments.apps", "shop", "web"), Ref("deployments.apps", "shop", "cart")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["deployment/web"], [_WEB]),
        (["deploy", "web"], [_WEB]),
        (["deployments", "web", "cart"], [_WEB, _CART]),
        (["deployment/web", "deployment/cart"], [_WEB, _CART]),
        (["namespace", "shop"], [Ref("namespaces", "", "shop")]),
        ([], []),
    ],
)
def test_kind_and_name_come_together_or_apart(words, found):
    assert named_objects(words, "shop") == found


@pytest.mark.parametrize("words", [["web"], ["deployment/web", "cart"], ["nonsense", "web"], ["deployment/"]])
def test_what_names_nothing_is_refused(words):
    with pytest.raises(UsageError):
        named_objects(words, "shop")
