"""Who is in ambient: labels ask, exclusions refuse, the annotation says what happened."""

import pytest
from tests.support.mesh import Sidecar, app, facts, inject, pod

from sidestep.semantics.enrolment import enrolment, selected

MODE = "istio.io/dataplane-mode"


@pytest.mark.parametrize(
    ("namespace", "own", "expected"),
    [
        (None, None, False), ("ambient", None, True), ("ambient", "none", False), ("ambient", "ambient", True),
        (None, "ambient", True), ("none", "ambient", True), ("none", None, False), ("ambient", "other", True),
        ("Ambient", None, False),
    ],
)  # fmt: skip
def test_the_pods_label_wins_in_both_directions(namespace, own, expected):
    labels = {} if own is None else {MODE: own}
    assert selected(labels, {} if namespace is None else {MODE: namespace}) is expected


def of(template, space="shop"):
    (workload,) = facts(pod(template, space=space)).workloads
    return enrolment(workload.groups[0].shape, {MODE: "ambient"})


def test_exclusions():
    host = app("x")
    host["spec"]["hostNetwork"] = True
    assert "sidecar" in of(inject(app("x"), Sidecar())).excluded
    assert "host" in of(host).excluded
    assert "kube-system" in of(app("x"), "kube-system").excluded
    assert of(app("x")).excluded is None


@pytest.mark.parametrize(("value", "missed"), [(None, True), ("enabled", False), ("pending", False), ("other", True)])
def test_missed_is_asked_for_and_not_done(value, missed):
    template = app("x")
    template["metadata"]["annotations"] = {} if value is None else {"ambient.istio.io/redirection": value}
    assert of(template).missed is missed
