"""Each constraint by itself keeps a node that would otherwise drain."""

import copy

import pytest
from tests.support.mesh import Sidecar, app, facts, inject, mesh, o, pod

from sidestep.audit.cost.realisable import drained
from sidestep.model.quantity import Resources

NOTHING = Resources()
BIG_SIDECAR = Sidecar(resources={"requests": {"cpu": "1500m", "memory": "1Gi"}})


def node(name, zone="a", **spec):
    tree = o.node(name, "m6i.xlarge", (4, 16), zone, "group")
    tree["spec"] |= spec
    return tree


def replica(name, at, *, change=lambda template: None, owner_kind="ReplicaSet", annotations=None, space="shop"):
    """A pod of 600m with a sidecar of 1500m: two of them fill a node, three fit without sidecars."""
    plain = app("cart", 600, 256)
    plain["metadata"]["annotations"] = annotations or {}
    change(plain)
    owner = o.owner(owner_kind, "cart") if owner_kind else None
    return pod(inject(copy.deepcopy(plain), BIG_SIDECAR), name, space, owner, node=at)


def freed(*objects, nodes=("n1", "n2"), added=NOTHING):
    known = facts(*(node(name) if isinstance(name, str) else name for name in nodes), *objects)
    shapes = {id(group.shape): group.requests for _, group in known.groups() if group.recognition.sidecar}
    return drained(known.mesh, shapes, added)


def fleet(**how):
    return [replica("a", "n1", **how), replica("b", "n2", **how)]


def test_a_node_drains_only_without_sidecars():
    found = freed(*fleet())
    assert (found.today, len(found.then)) == ((), 1)


def test_what_drains_today_is_not_the_sidecars_doing():
    idle = node("idle")
    found = freed(*fleet(), nodes=("n1", "n2", idle))
    assert found.today == ("idle",)
    assert len(found.then) == 1


def test_ztunnel_takes_its_share():
    assert freed(*fleet(), added=Resources(3_000, 0)).then == ()


@pytest.mark.parametrize(
    ("why", "how"),
    [
        ("a bare pod", {"owner_kind": None}),
        ("safe-to-evict", {"annotations": {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}}),
        ("kube-system", {"space": "kube-system"}),
        ("node selector", {"change": lambda t: t["spec"].update(nodeSelector={"disk": "fast"})}),
        ("anti-affinity", {"change": lambda t: t["spec"].update(affinity=anti())}),
        ("strict spread", {"change": lambda t: t["spec"].update(topologySpreadConstraints=spread())}),
        ("company", {"change": lambda t: t["spec"].update(affinity={"podAffinity": required([{}])})}),
        ("node affinity", {"change": lambda t: t["spec"].update(affinity=near())}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_keeps_a_node(why, how):
    assert freed(*fleet(**how)).then == (), why


def anti():
    return {"podAntiAffinity": required([{"labelSelector": {}, "topologyKey": "kubernetes.io/hostname"}])}


def near():
    terms = [{"matchExpressions": [{"key": "disk", "operator": "In", "values": ["fast"]}]}]
    return {"nodeAffinity": required({"nodeSelectorTerms": terms})}


def required(what):
    return {"requiredDuringSchedulingIgnoredDuringExecution": what}


def spread():
    return [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule"}]


def test_a_disruption_budget_that_allows_nothing():
    budget = o.disruption_budget("b", "shop", {"app": "cart"}, 0)
    assert freed(*fleet(), budget).then == ()
    assert len(freed(*fleet(), o.disruption_budget("b", "shop", {"app": "cart"}, 1)).then) == 1


def test_taints_without_toleration_keep_pods_off():
    taints = [{"key": "dedicated", "effect": "NoSchedule"}]
    assert freed(*fleet(), nodes=(node("n1", taints=taints), node("n2", taints=taints))).then == ()
    tolerate = {"change": lambda t: t["spec"].update(tolerations=[{"key": "dedicated", "operator": "Exists"}])}
    assert len(freed(*fleet(**tolerate), nodes=(node("n1", taints=taints), node("n2", taints=taints))).then) == 1


def test_cordoned_nodes_take_nothing_and_are_not_counted():
    assert freed(*fleet(), nodes=("n1", node("n2", unschedulable=True))).then == ()


def test_pods_of_a_stateful_set_stay_in_their_zone():
    apart = (node("n1", "a"), node("n2", "b"))
    assert freed(*fleet(owner_kind="StatefulSet"), nodes=apart).then == ()
    assert len(freed(*fleet(), nodes=apart).then) == 1


def test_daemon_sets_go_with_their_node():
    agents = [pod(app("agent"), f"agent-{at}", owner=o.owner("DaemonSet", "agent"), node=at) for at in ("n1", "n2")]
    assert len(freed(*fleet(), *agents).then) == 1


def test_one_node_of_a_group_stays():
    assert freed(replica("a", "n1"), nodes=("n1",)).then == ()


def test_pods_limit():
    full = []
    for name in ("n1", "n2"):
        tree = node(name)
        tree["status"]["allocatable"]["pods"] = "1"
        full.append(tree)
    assert freed(*fleet(), nodes=full).then == ()


def test_nothing_is_claimed_without_nodes_or_pods():
    assert drained(mesh(*fleet()), {}, Resources()) is None
    assert drained(mesh(node("n1")), {}, Resources()) is None
