"""What policies attach to by reference."""

import pytest
from tests.support.mesh import mesh, o

from sidestep.semantics.attachment import guarded, target_refs

CART = {"kind": "Service", "group": "", "name": "cart"}


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (None, ()), ({}, ()), ({"selector": {}}, ()), ({"targetRefs": "x", "targetRef": 3}, ()),
        ({"targetRefs": [CART]}, (("Service", "cart"),)), ({"targetRef": CART}, (("Service", "cart"),)),
        ({"targetRefs": [CART, None, {"kind": "Gateway"}]}, (("Service", "cart"), ("Gateway", ""))),
    ],
)  # fmt: skip
def test_references(spec, expected):
    """§3.1: the list, and the single reference that came before it."""
    assert target_refs(spec) == expected


def test_references_mean_the_policys_own_namespace():
    policy = o.istio("AuthorizationPolicy", "api", "shop", {"targetRefs": [CART]})
    named = "AuthorizationPolicy shop/api"
    assert guarded(mesh(policy)) == {("shop", "Service", "cart"): named, ("shop", "Service", "*"): named}
