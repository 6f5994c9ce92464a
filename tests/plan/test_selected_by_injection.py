"""A label that changes must not be what selects: such a workload is not moved until it is selected otherwise."""

import pytest
from tests.support.migrations import migrated, town
from tests.support.scenes import pods, service

from sidestep.semantics.injection import INJECT

LABEL = {INJECT: "true"}


def scene(*, controller=(), by_service=()):
    made = pods("cart", ip="10.1.0.2", labels=LABEL)
    for each in made:
        if each["kind"] == "Deployment":
            each["spec"]["selector"]["matchLabels"] |= dict(controller)
    return town(made, service("cart", selector={"app": "cart", **dict(by_service)}), pods("web", ip="10.1.0.1"))


@pytest.mark.parametrize(
    ("where", "object_"), [({"controller": LABEL}, "Deployment"), ({"by_service": LABEL}, "Service")]
)
def test_what_is_selected_by_the_label_stays_and_the_selector_is_named(where, object_):
    found = migrated(scene(**where))
    assert found.staying == {"cart"}
    (cart,) = [each for each in found.plan.workloads if each.workload.name == "cart"]
    assert any(each.object is not None and each.object.kind == object_ for each in cart.reasons)


def test_the_label_alone_keeps_nobody():
    assert not migrated(scene()).staying
