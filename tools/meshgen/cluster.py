"""A cluster in the making: its objects, its nodes, and what starts where."""

import json
import random
from collections import defaultdict
from typing import Any

from tools.meshgen import objects as o
from tools.meshgen.config import Config
from tools.meshgen.pods import PodText


class Cluster:
    """Collects objects by kind (as JSON text) and remembers what is free on each node."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.random = random.Random(config.seed)
        self.texts: dict[str, list[str]] = defaultdict(list)
        self.pods: list[str] = []
        self.nodes: list[str] = []
        self.apps: list[tuple[str, str]] = []
        self._next_node = 0
        self._number = 0

    def add(self, *things: o.Object) -> None:
        for thing in things:
            self.texts[thing["kind"]].append(json.dumps(thing, separators=(",", ":")))

    def run(self, text: PodText, prefix: str, count: int, *, ordinal: bool = False) -> None:
        """Start replicas, spread over the nodes."""
        for index in range(count):
            self._number += 1
            name = f"{prefix}-{index}" if ordinal else f"{prefix}-{self._number:05x}"
            self.pods.append(text.fill(name, self.take_node(), self._number))

    def run_everywhere(self, text: PodText, prefix: str) -> None:
        """Start one pod on every node."""
        for node in self.nodes:
            self._number += 1
            self.pods.append(text.fill(f"{prefix}-{self._number:05x}", node, self._number))

    def take_node(self) -> str:
        """The next node; every sixth is left half empty, as real clusters are."""
        self._next_node += 1
        if self._next_node % 6 == 0 and self.random.random() < 0.5:
            self._next_node += 1
        return self.nodes[self._next_node % len(self.nodes)]

    def workload(self, kind: str, name: str, space: str, template: o.Object, count: int, **pod: Any) -> None:
        """A controller, what stands between, and its pods; `template` is what was injected, if it was."""
        plain = pod.pop("declared", template)
        text_of = lambda owners: PodText(template, space, owners, **pod)  # noqa: E731 - one use, in three branches
        if kind in ("Deployment", "Rollout"):
            middle = f"{name}-{self.random.getrandbits(36):09x}"
            hashed = dict(template["metadata"]["labels"], **{"pod-template-hash": middle.rpartition("-")[2]})
            template = {**template, "metadata": {**template["metadata"], "labels": hashed}}
            self.add(o.controller(kind, name, space, plain, count))
            self.add(o.replica_set(middle, space, name, kind, count), o.replica_set(f"{name}-0", space, name, kind, 0))
            self.run(text_of(o.owner("ReplicaSet", middle)), middle, count)
        elif kind == "StatefulSet":
            self.add(o.controller(kind, name, space, plain, count))
            pod["own_labels"] = True
            self.run(text_of(o.owner(kind, name)), name, count, ordinal=True)
        elif kind == "DaemonSet":
            self.add(o.controller(kind, name, space, plain, None))
            self.run_everywhere(text_of(o.owner(kind, name)), name)
        elif kind == "CronJob":
            self._cron_job(name, space, template, plain, count, pod)
        else:
            self.run(text_of([]), name, count)

    def _cron_job(self, name: str, space: str, template: o.Object, plain: o.Object, count: int, pod: o.Object) -> None:
        job = f"{name}-29123456"
        spec = {"schedule": "*/5 * * * *", "jobTemplate": {"spec": {"template": plain}}}
        self.add(o.thing("batch/v1", "CronJob", o.meta(name, space), spec=spec))
        owners = o.owner("CronJob", name, "batch/v1")
        self.add(o.thing("batch/v1", "Job", o.meta(job, space, ownerReferences=owners), spec={"template": plain}))
        self.run(PodText(template, space, o.owner("Job", job, "batch/v1"), **pod), job, count)
