"""A plan may come from anybody's file: whatever it asks for, it is done or refused with a reason."""

from hypothesis import given
from hypothesis import strategies as st
from tests.support.mesh import o
from tests.support.plan_steps import CART, POLICY, SHOP, controller, plan, policy, shop

from sidestep.actions.memory import apply, problems, rollback, states
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.steps import Apply, Delete, Patch, Restart, SetLabels, Wait, WaitFor

MESH = shop(o.waypoint("wp", "shop", ready=False), {**policy("broken"), "spec": "no table"})
NAMES = [
    SHOP,
    POLICY,
    controller(CART),
    *(
        ObjectId(*each)
        for each in [
            ("v1", "Pod", "shop", "cart-abc-0"), ("v1", "Pod", "", "x"), ("apps/v1", "ReplicaSet", "shop", "cart-abc"),
            ("factory.test/v1", "Widget", "shop", "gizmo"), ("security.istio.io/v1", "AuthorizationPolicy", "shop", "broken"),
            ("gateway.networking.k8s.io/v1", "Gateway", "shop", "wp"), ("v1", "ConfigMap", "istio-system", "istio"), ("", "", "", ""),
        ]
    ),
]  # fmt: skip
KEYS = [
    "apiVersion",
    "kind",
    "metadata",
    "labels",
    "name",
    "namespace",
    "spec",
    "template",
    "status",
    "data",
    "webhooks",
    "a",
]
LEAF = st.none() | st.booleans() | st.integers() | st.sampled_from(["", "x", "Pod", "v1", "shop", "istio-waypoint"])
JSON = st.recursive(
    LEAF,
    lambda each: st.lists(each, max_size=2) | st.dictionaries(st.sampled_from(KEYS), each, max_size=3),
    max_leaves=12,
)
TABLE = st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4)
NAMED = st.sampled_from(NAMES)
LABELS = st.dictionaries(
    st.sampled_from(["istio.io/dataplane-mode", "app", "", "a"]),
    st.none() | st.sampled_from(["ambient", "none", ""]),
    max_size=2,
)
TEXT = st.sampled_from(["", "/", "shop/wp", "Gateway shop/wp", "wp", "a/b/c", "shop"])
REFS = st.builds(
    WorkloadRef,
    TEXT,
    st.sampled_from(["Deployment", "Pod", "CronJob", "", "Service"]),
    st.sampled_from(["cart", "", "plain"]),
)
EFFECTS = st.one_of(
    st.builds(SetLabels, NAMED, LABELS, st.just({}) | LABELS, st.booleans()),
    st.builds(Patch, NAMED, TABLE, TABLE),
    st.builds(Apply, NAMED, TABLE, st.none() | TABLE),
    st.builds(Delete, NAMED, TABLE),
    st.builds(Restart, REFS | st.just(CART), st.integers()),
    st.builds(Wait, st.sampled_from(WaitFor), TEXT, st.integers()),
)


@given(st.lists(EFFECTS, max_size=6))
def test_any_plan_is_done_or_refused(effects):
    doing = plan(*effects)
    after = apply(doing, MESH)
    assert all(each.reason for each in problems(doing, MESH))
    assert [step.id for step, _ in states(doing, MESH)] == [step.id for step in doing.steps]
    rollback(doing, after, 1)
