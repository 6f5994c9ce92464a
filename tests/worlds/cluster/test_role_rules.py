"""Which rights each kind of step needs, and its way back."""

import pytest

from sidestep.actions.worlds.cluster.rights import cluster_role, records_role
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.steps import Apply, Delete, Patch, Restart, SetLabels, Step, Wait, WaitFor

POLICY = ObjectId("security.istio.io/v1", "AuthorizationPolicy", "shop", "web")
WEB = ObjectId("apps/v1", "Deployment", "shop", "web")
CART = WorkloadRef("shop", "Rollout", "cart")


def rights(*effects):
    """Verbs by resource and name, less the look at the cluster itself."""
    role = cluster_role(Step(f"s{number}", 1, effect, "") for number, effect in enumerate(effects))
    found = {}
    for rule in role["rules"]:
        ((group,), (plural,)) = rule["apiGroups"], rule["resources"]
        for name in rule.get("resourceNames", ["*"]):
            found[f"{plural}.{group}/{name}".replace("./", "/")] = " ".join(rule["verbs"])
    assert found.pop("namespaces/kube-system") == "get"
    return found


PUT = "get create patch delete"


@pytest.mark.parametrize(
    ("effect", "needed"),
    [
        (SetLabels(WEB, {}, {}), {"deployments.apps/web": "get patch"}),
        (Patch(POLICY, {}, {}), {"authorizationpolicies.security.istio.io/web": "get patch"}),
        (Apply(POLICY, {}), {"authorizationpolicies.security.istio.io/web": PUT}),
        (Delete(POLICY, {}), {"authorizationpolicies.security.istio.io/web": PUT}),
        (Restart(CART, 1), {"rollouts.argoproj.io/cart": "get patch"}),
        (Restart(CART, 1, effect_only=True), {"rollouts.argoproj.io/cart": "get"}),
        (Wait(WaitFor.WAYPOINT_READY, "shop/waypoint", 1), {"gateways.gateway.networking.k8s.io/waypoint": "get"}),
        (Wait(WaitFor.WAYPOINT_BOUND, "Service shop/web", 1), {"services/web": "get"}),
        (Wait(WaitFor.POLICY_ACCEPTED, "shop/web", 1), {"authorizationpolicies.security.istio.io/web": "get"}),
        (Wait(WaitFor.DAEMONSETS_READY, "istio-system/ztunnel", 1), {"daemonsets.apps/ztunnel": "get"}),
        (
            Wait(WaitFor.CAPTURED, "StatefulSet shop/db", 1),
            {"pods/*": "list", "statefulsets.apps/db": "get"},
        ),
        (Wait(WaitFor.ROLLED_OUT, "DaemonSet shop/logs", 1), {"pods/*": "list", "daemonsets.apps/logs": "get"}),
        (Wait(WaitFor.SIDECARS_GONE, "Namespace shop", 1), {"pods/*": "list"}),
        (Wait(WaitFor.CAPTURED, "Pod shop/alone", 1), {"pods/alone": "get"}),
        (Apply(ObjectId("example.com/v1", "Proxy", "shop", "x"), {}), {"proxies.example.com/x": PUT}),
    ],
)
def test_a_step_needs(effect, needed):
    assert rights(effect) == needed


def test_what_several_steps_need_of_one_object_is_together():
    other = ObjectId("apps/v1", "Deployment", "shop", "other")
    found = rights(SetLabels(WEB, {}, {}), Delete(WEB, {}), SetLabels(other, {}, {}))
    assert found == {"deployments.apps/web": PUT, "deployments.apps/other": "get patch"}


def test_records_need_nothing_beyond_their_namespace():
    role = records_role("ops")
    assert (role["kind"], role["metadata"]["namespace"]) == ("Role", "ops")
    assert not [rule for rule in role["rules"] if "delete" in rule["verbs"] or "secrets" in rule["resources"]]
