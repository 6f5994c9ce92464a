"""Who else writes a route while the mesh runs."""

import pytest
from tests.support import mesh as m
from tests.support.scenes import index

from sidestep.semantics.driven import drivers

CANARY = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "cart", "uid": "1"}


def rollout(**routing):
    spec = {"strategy": {"canary": {"trafficRouting": {"istio": routing}}}}
    return m.o.thing("argoproj.io/v1alpha1", "Rollout", m.o.meta("cart", "shop"), spec=spec)


def owned(**how):
    made = m.o.istio("VirtualService", "cart", "shop", {"hosts": ["cart"]})
    made["metadata"]["ownerReferences"] = [{**CANARY, **how}]
    return made


@pytest.mark.parametrize(
    ("objects", "found"),
    [
        ([rollout(virtualService={"name": "cart"})], {("VirtualService", "shop", "cart"): "Rollout shop/cart"}),
        (
            [rollout(virtualServices=[{"name": "a"}, {"name": "b.edge"}], destinationRule={"name": "cart"})],
            {
                ("VirtualService", "shop", "a"): "Rollout shop/cart",
                ("VirtualService", "edge", "b"): "Rollout shop/cart",
                ("DestinationRule", "shop", "cart"): "Rollout shop/cart",
            },
        ),
        ([owned(controller=True)], {("VirtualService", "shop", "cart"): "Canary shop/cart"}),
        ([owned()], {}),
        ([rollout()], {}),
        ([rollout(virtualService=["cart"], virtualServices={"name": "cart"})], {}),
    ],
)
def test_controllers_are_found_by_what_they_name_or_own(objects, found):
    assert drivers(index(*objects).mesh) == found
