"""HorizontalPodAutoscalers of gateways and waypoints: what their proxies use is measured, and their pods are counted.

Of built-in workloads nobody can tell what one of them uses, as hundreds share a process; they are not scaled.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterator

from sidestep.controlplane.records import ProxyRole
from sidestep.errors import SidestepError
from sidestep.lab.cluster.controllers.autoscalers import Used, desired, status, target_of, wait
from sidestep.lab.cluster.controllers.replica_sets import replicas
from sidestep.lab.cluster.objects import Ref, Store, Tree, ref_of, spec_of
from sidestep.lab.cluster.pods import is_ready
from sidestep.lab.machine.life import Life
from sidestep.lab.machine.pods import Pods
from sidestep.lab.machine.processes import Processes
from sidestep.model.kinds import AUTOSCALER, DEPLOYMENT, POD
from sidestep.model.quantity import millicores
from sidestep.semantics.loose import as_dict, as_dicts, labels_of
from sidestep.semantics.proxies import PROXY

_PERIOD = 5.0
_REQUEST = 100


class Autoscaling:
    """Scales.

    Args:
        store: the objects.
        pods: with their proxies.
        processes: whose use is measured.
    """

    def __init__(self, store: Store, pods: Pods, processes: Processes) -> None:
        self._store, self._pods, self._processes = store, pods, processes
        self._before: dict[str, float] = {}
        self._at = time.monotonic()
        self._wanted: dict[Ref, deque[tuple[float, int]]] = {}

    async def run(self) -> None:
        """For ever; who is just begun is measured from the next time on."""
        while True:
            await asyncio.sleep(_PERIOD)
            scalers = list(self._store.of(AUTOSCALER))
            if scalers:
                cpu = self._cpu()
                for each in scalers:
                    await self._scale(each, cpu)

    def _cpu(self) -> dict[str, float]:
        """Thousandths of a core that each proxy used since the last time."""
        now, used = time.monotonic(), {each.name: each.cpu for each in self._processes.usage()}
        passed, before = now - self._at, self._before
        self._at, self._before = now, used
        return {name: max(0.0, cpu - before[name]) / passed * 1000 for name, cpu in used.items() if name in before}

    async def _scale(self, scaler: Tree, cpu: dict[str, float]) -> None:
        kind, name = target_of(scaler)
        ref = Ref(DEPLOYMENT.key, ref_of(scaler).namespace, name)
        owner = self._store.get(ref)
        if owner is None or kind != "Deployment":
            return
        used = [each for life in self._ready(owner, ref.namespace) if (each := await _used(life, cpu)) is not None]
        current = replicas(owner)
        if not used:
            return
        number = self._steadied(ref, desired(scaler, current, used), wait(scaler))
        self._store.edit(ref_of(scaler), lambda tree: tree.update(status=status(scaler, len(used), number, used)))
        if number != current and current:
            self._store.edit(ref, lambda tree: tree["spec"].update(replicas=number))

    def _ready(self, owner: Tree, namespace: str) -> Iterator[tuple[Tree, Life]]:
        selector = as_dict(as_dict(spec_of(owner).get("selector")).get("matchLabels"))
        for pod in self._store.of(POD, namespace):
            life = self._pods.at(ref_of(pod))
            if life is not None and is_ready(pod) and selector.items() <= labels_of(pod).items():
                yield pod, life

    def _steadied(self, ref: Ref, wanted: int, seconds: float) -> int:
        """The most that was wanted for a while."""
        now, seen = time.monotonic(), self._wanted.setdefault(ref, deque())
        seen.append((now, wanted))
        while seen[0][0] < now - seconds:
            seen.popleft()
        return max(number for _, number in seen)


async def _used(found: tuple[Tree, Life], cpu: dict[str, float]) -> Used | None:
    pod, life = found
    if life.proxy is None or life.proxy.wanted.role is ProxyRole.SIDECAR or life.proxy.name not in cpu:
        return None
    try:
        connections = await asyncio.to_thread(life.proxy.connections)
    except SidestepError:
        return None
    return Used(cpu[life.proxy.name], _request(pod), connections)


def _request(pod: Tree) -> int:
    own = next((each for each in as_dicts(spec_of(pod).get("containers")) if each.get("name") == PROXY), {})
    written = as_dict(as_dict(own.get("resources")).get("requests")).get("cpu")
    return millicores(str(written)) or _REQUEST if written is not None else _REQUEST
