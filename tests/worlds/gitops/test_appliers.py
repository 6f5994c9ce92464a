"""Argo CD's and Flux's objects on a real API server, with the states that their controllers write: read, and never written."""

from itertools import count

import pytest
from tests.support.clusters import argo_rollout, until
from tests.support.definitions import wait_for_definitions
from tests.support.servers import tolerating

from sidestep.actions.stages import Stage
from sidestep.actions.worlds.cluster.world import ClusterWorld
from sidestep.actions.worlds.gitops.converged import applier
from sidestep.actions.worlds.gitops.world import GitOpsWorld
from sidestep.errors import SidestepError
from sidestep.plan.steps import Wait, WaitFor

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kubernetes")]
OLD, NEW = "0" * 39 + "1", "0" * 39 + "2"
ELSEWHERE = "f" * 40
"""A commit of another repository."""
GROUPS = {
    "Application": ("argoproj.io", "v1alpha1"),
    "Kustomization": ("kustomize.toolkit.fluxcd.io", "v1"),
    "HelmRelease": ("helm.toolkit.fluxcd.io", "v2"),
}
SPACE, READER = "appliers", "reader-of-appliers"
NAMES = (f"shop-{number}" for number in count())


class Commits:
    """Of a branch with two commits, the newer of which is the stage's."""

    name = "branch"

    def standing(self, _):
        return NEW

    last = standing

    def publish(self):
        """There is nowhere to send it."""

    def contains(self, commit, other):
        return None if commit == ELSEWHERE else commit >= other


def definition(kind):
    """As far as anything here reads it, with a status of its own."""
    (group, version), plural = GROUPS[kind], f"{kind.lower()}s"
    tree = argo_rollout()
    spec = {
        **tree["spec"], "group": group, "names": {"plural": plural, "kind": kind, "singular": kind.lower()},
        "versions": [{**tree["spec"]["versions"][0], "name": version}],
    }  # fmt: skip
    return {**tree, "metadata": {"name": f"{plural}.{group}"}, "spec": spec}


@pytest.fixture(scope="module")
def appliers(kubernetes):
    """A cluster that knows all three kinds, and who may look at them."""
    for kind in GROUPS:
        with tolerating(409):
            kubernetes.api.send("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition(kind))
    wait_for_definitions(kubernetes.api)
    kubernetes.have({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
    resources = [
        {"apiGroups": [GROUPS[kind][0]], "resources": [f"{kind.lower()}s"], "verbs": ["get"]} for kind in GROUPS
    ]
    kubernetes.api.allow(
        READER, {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "rules": resources}
    )
    return kubernetes


@pytest.fixture
def missing(appliers):
    """What is missing of a commit, by an object with a spec and a status as its controller writes it."""
    user = appliers.api.kubeconfig(READER, appliers.api.certificate_user(READER))

    def told(kind, status, **spec):
        name, (group, version) = next(NAMES), GROUPS[kind]
        path = f"/apis/{group}/{version}/namespaces/{SPACE}/{kind.lower()}s"
        tree = {
            "apiVersion": f"{group}/{version}", "kind": kind, "metadata": {"name": name, "namespace": SPACE},
            "spec": spec,
        }  # fmt: skip
        made = appliers.api.send("POST", path, tree)
        if status is not None:
            seen = {"observedGeneration": made["metadata"]["generation"], **status} if kind != "Application" else status
            appliers.api.send("PUT", f"{path}/{name}/status", {**made, "status": seen})
        world = ClusterWorld(appliers.server(user), "one")
        named = applier(f"{kind}/{SPACE}/{name}")
        until(lambda: readable(world, named))
        before = world.read(named)
        followed = GitOpsWorld(Commits(), [Stage("base", 0, ())], world, (named,))
        said = followed.holds(Wait(WaitFor.CONVERGED, "base", 60))
        assert world.read(named) == before
        return said.removeprefix(f"{named}: ").removeprefix(f"{named} ")

    return told


def readable(world, named):
    """An API server hears of roles a moment after they are there."""
    try:
        return world.read(named).tree
    except SidestepError:
        return None


def argo(sync="Synced", health="Healthy", phase="Succeeded", revision=NEW, **said):
    operation = {"phase": phase, "message": said.pop("operation", "successfully synced (all tasks run)")}
    return {
        "sync": {"status": sync, "revision": revision}, "health": {"status": health, **said}, "operationState": operation,
    }  # fmt: skip


def sources(*revisions):
    """An Application of several sources says where each is."""
    told = argo()
    return {**told, "sync": {"status": "Synced", "revisions": list(revisions)}}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (argo(), ""),
        (sources("7.2.1", NEW, ELSEWHERE), ""),
        (sources("7.2.1", OLD, ELSEWHERE), f"is at {OLD[:12]}, which {NEW[:12]} came after"),
        (sources(OLD, NEW), ""),
        (sources(ELSEWHERE), ""),
        (argo(revision=OLD), f"is at {OLD[:12]}, which {NEW[:12]} came after"),
        (argo("OutOfSync"), "it is OutOfSync"),
        (argo("Unknown"), "it is Unknown"),
        (argo(health="Progressing"), "it is Progressing"),
        (argo(health="Degraded", message="Deployment exceeded its progress deadline"),
         "it is Degraded: Deployment exceeded its progress deadline"),
        (argo(health="Suspended"), "it is Suspended"),
        (argo(health="Missing"), "it is Missing"),
        (argo("OutOfSync", "Missing", "Failed", operation="one or more objects failed to apply"),
         "its sync failed: one or more objects failed to apply"),
        (argo(phase="Error", operation="ComparisonError"), "its sync failed: ComparisonError"),
        (argo(phase="Running"), "its sync is running"),
        (None, "it is not compared yet"),
    ],
)  # fmt: skip
def test_an_application_of_argo_has_converged_or_says_what_it_has_not(missing, status, expected):
    assert missing("Application", status, project="default") == expected


def flux(ready="True", message="Applied revision", applied=NEW, attempted=None, **more):
    return {
        "conditions": [{"type": "Ready", "status": ready, "reason": "x", "message": message}],
        "lastAppliedRevision": f"main@sha1:{applied}", "lastAttemptedRevision": f"main@sha1:{attempted or applied}", **more,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["Kustomization", "HelmRelease"])
@pytest.mark.parametrize(
    ("status", "spec", "expected"),
    [
        (flux(), {}, ""),
        (flux(applied=OLD), {}, f"is at {OLD[:12]}, which {NEW[:12]} came after"),
        (flux(), {"suspend": True}, "it is suspended"),
        (flux("False", "health check failed after 30s"), {}, "it is not Ready: health check failed after 30s"),
        (flux("Unknown", "Reconciliation in progress"), {}, "it is not Ready: Reconciliation in progress"),
        (flux(observedGeneration=0), {}, "its controller has not seen its newest generation yet"),
        (flux(attempted="3" * 40), {}, f"it applies main@sha1:{'3' * 40}"),
        (None, {}, "its controller has not seen its newest generation yet"),
    ],
)
def test_an_object_of_flux_has_converged_or_says_what_it_has_not(missing, kind, status, spec, expected):
    assert missing(kind, status, **spec) == expected
