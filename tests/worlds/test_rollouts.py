"""When a controller has made all its pods anew, and what it says that keeps it from that."""

import pytest

from sidestep.actions.worlds.rollouts import rollout_misses


def controller(kind="Deployment", generation=2, spec=None, **status):
    spec = {"replicas": 2, **(spec or {})}
    return {"kind": kind, "metadata": {"generation": generation}, "spec": spec, "status": status}


NEW = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2}
DAEMONS = {"observedGeneration": 2, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberReady": 3}
HALF = {**NEW, "updatedReplicas": 1}
STATEFUL = {**NEW, "updateRevision": "b", "currentRevision": "a"}


@pytest.mark.parametrize(
    "tree",
    [
        controller(**NEW),
        controller("Rollout", **{**NEW, "observedGeneration": "2"}),
        controller(
            "StatefulSet", observedGeneration=2, replicas=2, readyReplicas=2, updateRevision="a", currentRevision="a"
        ),
        controller("DaemonSet", **DAEMONS),
        controller(spec={"replicas": 0}, observedGeneration=2),
        controller("Job"),
        controller("CronJob"),
    ],
    ids=lambda tree: tree["kind"],
)
def test_nothing_is_missing(tree):
    assert rollout_misses(tree) == ""


@pytest.mark.parametrize(
    ("tree", "missing"),
    [
        (None, "it is absent"),
        (controller(**{**NEW, "observedGeneration": 1}), "its controller has not seen the change yet"),
        (controller("Rollout", **{**NEW, "observedGeneration": "1"}), "its controller has not seen the change yet"),
        (controller(**HALF), "1 of 2 pods are updated"),
        (controller(**{**NEW, "readyReplicas": 1}), "1 of 2 pods are ready"),
        (controller(**{**NEW, "replicas": 3}), "1 pod too many"),
        (controller(**{**HALF, "replicas": 3}), "1 of 2 pods are updated"),
        (controller("StatefulSet", **{**STATEFUL, "updatedReplicas": 1}), "1 of 2 pods are updated"),
        (controller("DaemonSet", **{**DAEMONS, "updatedNumberScheduled": 1}), "1 of 3 pods are updated"),
        (controller(spec={"paused": True}, **HALF), "1 of 2 pods are updated: it is paused (spec.paused)"),
        (
            controller("DaemonSet", spec={"updateStrategy": {"type": "OnDelete"}}, **{**DAEMONS, "updatedNumberScheduled": 0}),
            "0 of 3 pods are updated: its updateStrategy is OnDelete: delete its pods one after the other",
        ),
        (
            controller("StatefulSet", spec={"updateStrategy": {"rollingUpdate": {"partition": 1}}}, **{**STATEFUL, "updatedReplicas": 1}),
            "1 of 2 pods are updated: its updateStrategy keeps 1 pods back (rollingUpdate.partition)",
        ),
        (
            controller("Rollout", **HALF, pauseConditions=[{"reason": "CanaryPauseStep"}]),
            "1 of 2 pods are updated: its strategy pauses it: promote it",
        ),
        (
            controller("Rollout", **HALF, abort=True, message="metric failed"),
            "1 of 2 pods are updated: it is aborted: metric failed",
        ),
        (
            controller(**HALF, conditions=[{"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: few"}]),
            "1 of 2 pods are updated: exceeded quota: few",
        ),
        (
            controller(**HALF, conditions=[{"type": "Progressing", "status": "False", "message": "timed out"}]),
            "1 of 2 pods are updated: timed out",
        ),
        (
            controller(**HALF, conditions=[{"type": "Progressing", "status": "True", "message": "is progressing"}]),
            "1 of 2 pods are updated",
        ),
        (controller("ReplicaSet", **NEW), "a ReplicaSet replaces no pods by itself: delete them one after the other"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said(tree, missing):
    assert rollout_misses(tree) == missing


def test_a_rollout_that_is_restarted_is_new_when_it_says_so():
    asked = {"restartAt": "2026-01-01T00:00:00Z"}
    running = {**NEW, "observedGeneration": "2"}
    assert rollout_misses(controller("Rollout", spec=asked, **running)) == "its pods are being restarted"
    assert rollout_misses(controller("Rollout", spec=asked, **running, restartedAt="2026-01-01T00:00:00Z")) == ""
