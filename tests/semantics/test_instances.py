"""How workloads take part in the mesh where only their manifests were read."""

import pytest
from tests.support.mesh import app, labelled, labels_on, mesh, o, pod, workload

from sidestep.model.mesh import SourceKind
from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Mode

AMBIENT = {"istio.io/dataplane-mode": "ambient"}
INJECTED = {"istio-injection": "enabled"}
OUT = {"istio.io/dataplane-mode": "none"}
CART = WorkloadRef("shop", "Deployment", "cart")


def modes(*objects, space="shop", kind=SourceKind.FILES):
    found = MeshIndex.of(mesh(*objects, kind=kind)).workloads
    return [each.mode for each in found.get(WorkloadRef(space, "Deployment", "cart"), ())]


def declared(template, space="shop"):
    return o.controller("Deployment", "cart", space, template, 2)


@pytest.mark.parametrize(
    ("namespace", "labels", "expected"),
    [
        (AMBIENT, {}, Mode.AMBIENT),
        ({}, AMBIENT, Mode.AMBIENT),
        (AMBIENT, OUT, Mode.NONE),
        ({}, {}, Mode.NONE),
        (INJECTED | AMBIENT, {}, Mode.SIDECAR),
        (INJECTED | AMBIENT, {"sidecar.istio.io/inject": "false"}, Mode.AMBIENT),
        (INJECTED, {"sidecar.istio.io/inject": "false"}, Mode.NONE),
    ],
)
def test_labels_decide_for_what_is_only_declared(namespace, labels, expected):
    assert modes(labelled("shop", namespace), declared(labels_on(app("cart"), labels))) == [expected]


def test_nothing_is_enrolled_on_the_host_network():
    template = app("cart")
    template["spec"]["hostNetwork"] = True
    assert modes(labelled("shop", AMBIENT), declared(template)) == [Mode.NONE]


def test_nothing_is_enrolled_where_istio_cni_does_not_look():
    assert modes(labelled("kube-system", AMBIENT), declared(app("cart"), "kube-system"), space="kube-system") == [
        Mode.NONE
    ]


def test_pods_that_run_are_what_istio_cni_says_of_them():
    """A label that nobody acted on makes no pod ambient."""
    assert modes(labelled("shop", AMBIENT), *workload(app("cart")), kind=SourceKind.CLUSTER) == [Mode.NONE]


def test_a_running_pod_beside_manifests_is_an_observation():
    observed = pod(app("other"), "other-1")
    assert modes(labelled("shop", AMBIENT), declared(app("cart")), observed) == []
