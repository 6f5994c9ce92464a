"""Who decides how many pods there are goes on deciding: the workload's own strategy, an autoscaler, a human."""

import json
import threading

import pytest
from tests.support.cluster_migrations import AFTER, BEFORE, Carrying
from tests.support.clusters import until

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("kubernetes")]


def deployment(migration, name="web"):
    return f"/apis/apps/v1/namespaces/{migration.space}/deployments/{name}"


def has_pods(migration, kubernetes, count):
    """Of web, all ready and of the newest template."""

    def settled():
        status = kubernetes.api.send("GET", deployment(migration))["status"]
        return [status.get(each) for each in ("replicas", "updatedReplicas", "readyReplicas")] == [count] * 3

    until(settled)


class Counting:
    """How many pods of web there are, and how many are ready, all the time."""

    def __init__(self, migration, kubernetes):
        self._path = f"/api/v1/namespaces/{migration.space}/pods?labelSelector=app%3Dweb"
        self._api, self._over = kubernetes.api, threading.Event()
        self._thread = threading.Thread(target=self._count)
        self.seen: list[tuple[int, int]] = []

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _count(self):
        while not self._over.is_set():
            pods = [
                each
                for each in self._api.send("GET", self._path)["items"]
                if "deletionTimestamp" not in each["metadata"]
            ]
            self.seen.append((len(pods), sum(map(_is_ready, pods))))


def _is_ready(pod):
    conditions = pod.get("status", {}).get("conditions", [])
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def test_a_rollout_keeps_within_its_own_strategy_there_and_back(migration, kubernetes):
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    kubernetes.api.edit(deployment(migration), lambda tree: tree["spec"].update(replicas=3, strategy=strategy))
    has_pods(migration, kubernetes, 3)
    with Counting(migration, kubernetes) as counting:
        done = migration.run("--apply", "--yes", "--no-gates")
        assert done.returncode == 0, done.stderr
        assert migration.stands() == AFTER
        assert migration.run("--yes", verb="rollback").returncode == 0
    assert migration.stands() == BEFORE
    assert max(pods for pods, _ in counting.seen) == 4  # it was rolled out, one pod at a time
    assert min(ready for _, ready in counting.seen) == 3
    assert kubernetes.api.send("GET", deployment(migration))["spec"]["strategy"] == strategy


def test_what_an_autoscaler_decides_meanwhile_stays_and_its_object_is_not_touched(migration, kubernetes):
    path = f"/apis/autoscaling/v2/namespaces/{migration.space}/horizontalpodautoscalers"
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    scaler = kubernetes.api.send(
        "POST", path,
        {
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": migration.space},
            "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 6},
        },
    )  # fmt: skip
    with Carrying(migration, "--apply", "--yes", "--no-gates") as carrying:
        assert carrying.reaches("stepBegan", "w001")
        kubernetes.api.edit(f"{deployment(migration)}/scale", lambda tree: tree["spec"].update(replicas=4))
        code, said = carrying.ended()
    assert code == 0, said
    assert migration.stands() == AFTER
    has_pods(migration, kubernetes, 4)
    assert migration.run("--yes", verb="rollback").returncode == 0
    assert migration.stands() == BEFORE
    has_pods(migration, kubernetes, 4)
    now = kubernetes.api.send("GET", f"{path}/web")
    assert json.dumps(now, sort_keys=True) == json.dumps(scaler, sort_keys=True)
