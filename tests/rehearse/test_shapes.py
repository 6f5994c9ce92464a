"""Who is of one shape: whom no policy, route or step tells apart; whoever something may tell apart is kept."""

import copy

import pytest
from msgspec import structs
from tests.support import alike as a
from tests.support.mesh import Sidecar, inject, labels_on, o, pod
from tests.support.unlike import istio

from sidestep.model.call_graph import Callee, Caller, CallerRole, Edge, call_graph
from sidestep.model.kinds import REPLICA_SET
from sidestep.model.mesh import SourceKind
from sidestep.plan.steps import Patch, Step
from sidestep.rehearse.merging import Merging, fitting_in

LEAF, OTHER = "leaf-00", "leaf-01"
FQDN = f"{OTHER}.{a.SPACE}.svc.cluster.local"


def stands_for(objects):
    found = a.merged(a.whole(objects))
    return {frozenset((name, *others)) for name, others in found.items()}


def together(objects, *names):
    return any(found.issuperset(names) for found in stands_for(objects))


def changed(change, name=OTHER, kind="Deployment"):
    """The mesh with one of its leaves changed."""
    objects = copy.deepcopy(a.alike())
    (tree,) = (each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name)
    change(tree)
    return objects


def test_leaves_chains_and_those_with_policies_of_their_own_are_merged_by_shape():
    assert a.merged(a.example()) == {
        "begin-00": ["begin-01"],
        "end-00": ["end-01"],
        "guarded-00": ["guarded-01"],
        "leaf-00": ["leaf-01", "leaf-02", "leaf-03"],
    }


PEER = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": OTHER}}}
TOLD_APART = {
    "a policy of its own": a.policy("own", OTHER, {}),
    "a principal": a.policy("own", "front", a.callers(OTHER)),
    "a principal with an asterisk": a.policy(
        "own", "front", {"from": [{"source": {"principals": [f"{a.principal(OTHER)}*"]}}]}
    ),
    "a principal in a condition": a.policy(
        "own", "front", {"when": [{"key": "source.principal", "values": [a.principal(OTHER)]}]}
    ),
    "a service account": a.policy("own", "front", {"from": [{"source": {"serviceAccounts": [f"shop/{OTHER}"]}}]}),
    "a policy that targets its Service": istio(
        "AuthorizationPolicy", "security", {"targetRefs": [{"group": "", "kind": "Service", "name": OTHER}]}
    ),
    "a policy of the root namespace": a.policy("own", OTHER, {}, space="istio-system"),
    "strictness": istio("PeerAuthentication", "security", {"selector": {"matchLabels": {"app": OTHER}}, "mtls": {"mode": "STRICT"}}),
    "a short host": istio("DestinationRule", "networking", {"host": OTHER, "trafficPolicy": {}}),
    "a host from elsewhere": istio("DestinationRule", "networking", {"host": FQDN}, space="back"),
    "a route": istio(
        "VirtualService", "networking",
        {"hosts": ["front"], "http": [{"route": [{"destination": {"host": LEAF}}]}, {"route": [{"destination": {"host": OTHER}}]}]},
    ),
    "what a sidecar sees": istio("Sidecar", "networking", {"egress": [{"hosts": [f"./{FQDN}"]}]}),
    "a network policy": {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "x", "namespace": "back"},
        "spec": {"podSelector": {}, "ingress": [{"from": [PEER]}]},
    },
    "a text that nobody understands": istio(
        "EnvoyFilter", "networking", {"configPatches": [{"match": {"cluster": {"name": f"outbound|80||{FQDN}"}}}]}
    ),
    "a regular expression": istio(
        "VirtualService", "networking", {"hosts": ["front"], "http": [{"match": [{"authority": {"regex": "leaf-0(1|9).shop"}}]}]}
    ),
    "an address with a port": a.policy("own", "front", {"to": [{"operation": {"hosts": [f"{FQDN}:80"]}}]}),
    "a claim to its path": a.policy("own", "front", {"to": [{"operation": {"paths": [f"/{OTHER}"]}}]}),
    "an expression": istio("Sidecar", "networking", {"workloadSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": [OTHER]}]}}),
    "a second Service": {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "more", "namespace": a.SPACE},
        "spec": {"selector": {"app": OTHER}, "ports": [{"port": 80}]},
    },
}  # fmt: skip


@pytest.mark.parametrize("extra", TOLD_APART.values(), ids=TOLD_APART)
def test_whom_an_object_tells_apart_is_kept(extra):
    objects = [*a.alike(), extra]
    assert not together(objects, LEAF, OTHER)
    assert together(objects, "leaf-02", "leaf-03"), "the others are alike as before"


def _template(tree):
    return tree["spec"]["template"]


CHANGES = {
    "an annotation": lambda tree: _template(tree)["metadata"].update(annotations={"proxy.istio.io/config": "{}"}),
    "its mode": lambda tree: _template(tree)["metadata"]["labels"].update({"sidecar.istio.io/inject": "false"}),
    "its account": lambda tree: _template(tree)["spec"].update(serviceAccountName="front"),
    "how many there are": lambda tree: tree["spec"].update(replicas=3),
    "how it is rolled out": lambda tree: tree["spec"].update(strategy={"type": "Recreate"}),
    "how it behaves": lambda tree: _template(tree)["metadata"].update(
        annotations={"sidestep.dev/behaviour": '{"error_rate":1}'}
    ),
    "whom it calls": lambda tree: _template(tree)["spec"]["containers"][0].update(
        env=[{"name": "X", "value": "http://guarded-00:80"}]
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_who_is_made_otherwise_is_kept(change):
    assert not together(changed(change), LEAF, OTHER)


@pytest.mark.parametrize("port", [{"name": "tcp"}, {"port": 81}, {"targetPort": 9090}, {"appProtocol": "tcp"}])
def test_whose_port_is_another_is_kept(port):
    assert not together(changed(lambda tree: tree["spec"]["ports"][0].update(port), kind="Service"), LEAF, OTHER)


UNTOLD = {
    "its image": lambda tree: _template(tree)["spec"]["containers"][0].update(image="registry.example.com/x:2"),
    "what it asks for": lambda tree: _template(tree)["spec"]["containers"][0].update(resources={"requests": {"cpu": "1"}}),
    "a variable": lambda tree: _template(tree)["spec"]["containers"][0].update(env=[{"name": "COLOUR", "value": "red"}]),
    "a label that nothing selects": lambda tree: _template(tree)["metadata"]["labels"].update(flavour="red"),
}  # fmt: skip


@pytest.mark.parametrize("change", UNTOLD.values(), ids=UNTOLD)
def test_what_a_lab_replaces_tells_nobody_apart(change):
    assert together(changed(change), LEAF, OTHER)


def test_from_two_pods_on_it_does_not_matter_how_many_there_are():
    objects = a.alike()
    for tree in objects:
        if tree["kind"] == "Deployment" and tree["metadata"]["name"] in {LEAF, OTHER}:
            tree["spec"]["replicas"] = 2 if tree["metadata"]["name"] == LEAF else 5
    found = stands_for(objects)
    assert frozenset((LEAF, OTHER)) in found, "and who has one pod is no equal of theirs"


def test_a_label_tells_apart_once_something_selects_by_it():
    objects = changed(UNTOLD["a label that nothing selects"])
    red = istio("PeerAuthentication", "security", {"selector": {"matchLabels": {"flavour": "red"}}})
    assert not together([*objects, red], LEAF, OTHER)


def test_one_list_that_names_all_of_them_tells_nobody_apart():
    named = a.policy("own", "front", a.callers(*a.leaves(4)))
    assert together([*a.alike(), named], *a.leaves(4))


def test_one_pattern_that_means_all_of_them_tells_nobody_apart():
    named = a.policy("own", "front", {"from": [{"source": {"principals": [f"{a.principal('leaf')}*"]}}]})
    assert together([*a.alike(), named], *a.leaves(4))


def test_rules_in_which_each_may_do_the_same_are_in_an_order_and_keep_them():
    """One by one they are the same; that their order means nothing is not shown."""
    named = a.policy("own", "front", a.callers(LEAF), a.callers(OTHER))
    assert not together([*a.alike(), named], LEAF, OTHER)


def test_chains_are_merged_link_by_link_and_not_where_they_cross():
    objects = a.alike()
    crossing = [each for each in objects if each["metadata"]["name"] != "end-01-callers"]
    crossing.append(a.policy("end-01-callers", "end-01", a.callers("begin-00")))
    assert together(objects, "begin-00", "begin-01")
    assert together(objects, "end-00", "end-01")
    assert not together(crossing, "begin-00", "begin-01")
    assert not together(crossing, "end-00", "end-01")


def test_objects_that_say_no_namespace_are_in_one():
    objects = a.alike()
    for tree in objects:
        tree["metadata"].pop("namespace", None)
    assert together(objects, *a.leaves(4))


def running(objects, labels=lambda name: {}):
    """The same with a pod of each Deployment, as a cluster has them."""
    found = list(objects)
    for tree in objects:
        if tree["kind"] == "Deployment":
            name = tree["metadata"]["name"]
            made = labels_on(inject(_template(tree), Sidecar()), {"pod-template-hash": "abc", **labels(name)})
            owner = o.owner("ReplicaSet", f"{name}-abc")
            found.append(o.replica_set(f"{name}-abc", a.SPACE, name, "Deployment", 1))
            found.append(pod(made, f"{name}-abc-x", a.SPACE, owner))
    return found


def test_workloads_whose_pods_run_are_merged_and_their_pods_go_with_them():
    whole = a.whole(running(a.alike()), SourceKind.CLUSTER)
    found = fitting_in(whole, Merging.ALWAYS, 2, 100)
    left = {"front-abc", "leaf-00-abc", "guarded-00-abc", "begin-00-abc", "end-00-abc"}
    assert {each.name for each in found.mesh.pods} == {f"{name}-x" for name in left}
    assert {each.meta.name for each in found.mesh.of(REPLICA_SET)} == left
    assert len(whole.mesh.pods) == 11


def test_whose_pods_are_still_of_an_older_template_is_kept():
    old = running(a.alike(), lambda name: {"app": "former"} if name == OTHER else {})
    assert OTHER not in [name for others in a.merged(a.whole(old, SourceKind.CLUSTER)).values() for name in others]


def test_whom_the_plan_treats_otherwise_is_kept():
    whole = a.example()
    (meant,) = (each for each in whole.mesh.resources["deployments.apps"] if each.meta.name == OTHER)
    step = Step("w001-9999", 1, Patch(meant.id, {"spec": {"paused": True}}, {"spec": {"paused": None}}), "")
    odd = structs.replace(whole, plan=structs.replace(whole.plan, steps=(*whole.plan.steps, step)))
    assert OTHER not in [name for others in a.merged(odd).values() for name in others]
    moved = [
        structs.replace(step, wave=2) if OTHER in str(step.effect) and "leaf-02" not in str(step.effect) else step
        for step in whole.plan.steps
    ]
    odd = structs.replace(whole, plan=structs.replace(whole.plan, steps=tuple(moved)))
    assert OTHER not in [name for others in a.merged(odd).values() for name in others]


def test_who_is_in_another_namespace_is_kept():
    objects = [*a.alike(), a.namespace("back"), *a.workload("leaf-09", space="back")]
    assert not together(objects, LEAF, "leaf-09")


def test_of_equal_names_in_another_namespace_nothing_is_taken():
    """A host, an account and a selector that mean somebody else of the same name tell nobody apart here."""
    elsewhere = [
        a.namespace("back"), *a.workload(OTHER, space="back"), a.policy("own", OTHER, a.callers("front"), space="back"),
        istio("DestinationRule", "networking", {"host": OTHER}, space="back"),
        a.policy("more", "front", {"from": [{"source": {"principals": [a.principal(OTHER, "back")]}}]}),
    ]  # fmt: skip
    assert together([*a.alike(), *elsewhere], LEAF, OTHER)


@pytest.mark.parametrize(
    "callee", [Callee(host="api.example.com"), Callee("shop", "Deployment", "front", "shop", "front")]
)
def test_who_calls_somebody_else_is_kept(callee):
    whole = a.example()
    call = Edge(Caller(CallerRole.WORKLOAD, a.SPACE, "Deployment", OTHER), callee)
    odd = structs.replace(whole, graph=call_graph((*whole.graph.edges, call)))
    assert OTHER not in [name for others in a.merged(odd).values() for name in others]


def test_whom_others_speak_to_in_another_way_is_kept():
    whole = a.example()
    edges = [
        structs.replace(each, protocol="grpc") if each.target.service == OTHER else each for each in whole.graph.edges
    ]
    odd = structs.replace(whole, graph=call_graph(edges))
    assert OTHER not in [name for others in a.merged(odd).values() for name in others]
