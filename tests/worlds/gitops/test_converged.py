"""Whether Argo CD and Flux are done is told by their objects' own status, as their documentation has it."""

import pytest

from sidestep.actions.worlds.gitops.converged import applier, applier_misses, object_misses, revisions
from sidestep.errors import UsageError
from sidestep.model.metadata import ObjectId

SHA = "0123456789abcdef0123456789abcdef01234567"


def application(sync="Synced", health="Healthy", phase="Succeeded", **more):
    status = {
        "sync": {"status": sync, "revision": SHA}, "health": {"status": health, **more},
        "operationState": {"phase": phase, "message": "one or more objects failed to apply"},
    }  # fmt: skip
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "status": status}


def flux(kind="Kustomization", ready="True", observed=3, suspend=False, attempted=f"main@sha1:{SHA}", message=""):
    status = {
        "observedGeneration": observed, "lastAppliedRevision": f"main@sha1:{SHA}", "lastAttemptedRevision": attempted,
        "conditions": [{"type": "Ready", "status": ready, "message": message}],
    }  # fmt: skip
    return {"kind": kind, "metadata": {"generation": 3}, "spec": {"suspend": suspend}, "status": status}


@pytest.mark.parametrize(
    ("tree", "missing"),
    [
        (application(), ""),
        (application(sync="OutOfSync"), "it is OutOfSync"),
        (application(health="Progressing", message="waiting for rollout"), "it is Progressing: waiting for rollout"),
        (application(phase="Failed"), "its sync failed: one or more objects failed to apply"),
        (application(phase="Running"), "its sync is running"),
        ({"kind": "Application"}, "it is not compared yet"),
        ({"kind": "Application", "status": {"sync": {"status": "Synced"}}}, "it is of unknown health"),
        (None, "it is absent"),
        (flux(), ""),
        (flux("HelmRelease"), ""),
        (flux(ready="False", message="build failed"), "it is not Ready: build failed"),
        (flux(ready="Unknown"), "it is not Ready"),
        (flux(observed=2), "its controller has not seen its newest generation yet"),
        (flux(suspend=True), "it is suspended"),
        (flux(attempted="main@sha1:ffff"), "it applies main@sha1:ffff"),
        ({"kind": "Kustomization", "metadata": {"generation": 1}}, "its controller has not seen its newest generation yet"),
    ],
)  # fmt: skip
def test_what_is_missing(tree, missing):
    assert applier_misses(tree) == missing


def test_the_revision_is_the_commit_wherever_it_is_told():
    assert revisions(application()) == (SHA,)
    assert revisions(flux()) == (SHA,)
    assert revisions(None) == ()
    assert revisions({"status": {"lastAppliedRevision": "1.2.3"}}) == ()


def test_of_several_sources_each_has_a_commit_and_charts_have_none():
    other = "b" * 40
    assert revisions({"status": {"sync": {"revisions": ["7.2.1", other, SHA, other]}}}) == (other, SHA)
    assert revisions({"status": {"sync": {"revisions": "odd"}}}) == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("argocd/shop", ObjectId("argoproj.io/v1alpha1", "Application", "argocd", "shop")),
        ("Application/argocd/shop", ObjectId("argoproj.io/v1alpha1", "Application", "argocd", "shop")),
        ("kustomization/flux-system/apps", ObjectId("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system", "apps")),
        ("helmrelease/shop/web", ObjectId("helm.toolkit.fluxcd.io/v2", "HelmRelease", "shop", "web")),
    ],
)  # fmt: skip
def test_who_applies_is_named(text, named):
    assert applier(text) == named


@pytest.mark.parametrize("text", ["shop", "a/b/c/d", "pod/x/y", "/x", "x/", ""])
def test_what_applies_nothing_is_refused(text):
    with pytest.raises(UsageError, match="names nothing that applies a repository"):
        applier(text)


LABELLED = {"kind": "X", "metadata": {"name": "x", "labels": {"a": "1", "mode": "ambient"}}, "spec": {"ports": [1]}}
PLAIN = {"kind": "X", "metadata": {"name": "x", "labels": {"a": "1"}}, "spec": {"ports": [1]}}


@pytest.mark.parametrize(
    ("there", "wanted", "other", "missing"),
    [
        (LABELLED, LABELLED, PLAIN, ""),
        ({**LABELLED, "status": {"ready": True}, "apiVersion": "v2"}, LABELLED, PLAIN, ""),
        (PLAIN, LABELLED, PLAIN, "metadata.labels.mode is absent and not 'ambient'"),
        (LABELLED, PLAIN, LABELLED, "metadata.labels.mode is still there"),
        (PLAIN, PLAIN, LABELLED, ""),
        (None, PLAIN, None, "it is absent"),
        (PLAIN, None, PLAIN, "it is still there"),
        ({**LABELLED, "spec": {"ports": [2], "replicas": 9}}, LABELLED, PLAIN, ""),
        ({**LABELLED, "spec": {"ports": [2]}}, LABELLED, None, "spec.ports[0] is 2 and not 1"),
        (PLAIN, {**PLAIN, "spec": {"ports": [1, 2]}}, PLAIN, "spec.ports is [1] and not [1, 2]"),
        (None, None, PLAIN, ""),
        ({**PLAIN, "metadata": {"name": "x", "labels": {"a": "1", "mine": "2"}}}, PLAIN, LABELLED, ""),
    ],
)
def test_an_object_is_as_the_repository_says_it_or_it_is_told_what_is_not(there, wanted, other, missing):
    assert object_misses(there, wanted, other) == missing
