"""All pods of the lab: who they are, and who tells each that it should look again."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

from sidestep.controlplane.records import ProxyRole
from sidestep.lab.agent.messages import Probed, Ready
from sidestep.lab.cluster.objects import Change, Ref, Tree, Verb, ref_of
from sidestep.lab.cluster.pods import (
    bypasses_inbound,
    is_captured,
    is_finished,
    proxy_of,
)
from sidestep.lab.cluster.schedule import Load
from sidestep.lab.machine.life import Life
from sidestep.lab.machine.surroundings import Surroundings
from sidestep.lab.machine.telemetry import OfPod
from sidestep.lab.machine.verification import CLOSED
from sidestep.lab.net.pod import PodNet
from sidestep.model.kinds import NAMESPACE, POD
from sidestep.semantics.loose import annotations_of, labels_of
from sidestep.semantics.redirection import redirection

_WHILE, _LOOK = 15.0, 0.05
"""Seconds: to let a pod out of the mesh takes up to eleven."""


class Pods:
    """All pods of the lab.

    Args:
        around: what they live among.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._lives: dict[Ref, Life] = {}
        self._by_uid: dict[str, Life] = {}
        around.store.listen(self._hear)

    def told(self, event: Ready | Probed) -> None:
        """What an agent says of a container."""
        life = self._by_uid.get(event.uid)
        if life is not None:
            life.told(event)

    def forgotten(self, node: str) -> None:
        """An agent ended, and with it all that ran in its pods; the next one is given them once more."""
        for life in self._lives.values():
            if life.node is not None and life.node.name == node:
                life.forgotten()

    def failed(self, namespace: str, name: str) -> None:
        """A pod's proxy ended; it is started again."""
        life = self._lives.get(Ref(POD.key, namespace, name))
        if life is not None and life.proxy is not None:
            life.proxy.failed()

    def logs(self) -> list[OfPod]:
        """Where proxies of pods write of requests."""
        return [life.proxy.log for life in self._lives.values() if life.proxy is not None]

    async def lost(self, node: str) -> None:
        """A node is gone, and its pods with it; who owns them makes others elsewhere."""
        for life in [each for each in self.all() if each.node is not None and each.node.name == node]:
            await life.lost()

    def know(self, node: str) -> None:
        """A node came up: pods may go there."""
        self._around.loads[node] = Load()
        for life in self._lives.values():
            life.wake()

    def all(self) -> list[Life]:
        """All pods, by name."""
        return [self._lives[ref] for ref in sorted(self._lives)]

    def at(self, ref: Ref) -> Life | None:
        """A pod by its whole name; None for none."""
        return self._lives.get(ref)

    def named(self, name: str) -> list[Life]:
        """Pods of a name, `namespace/pod`; those that begin so where none is called so."""
        namespace, _, pod = name.rpartition("/")
        near = [each for each in self.all() if not namespace or each.ref.namespace == namespace]
        return [each for each in near if each.ref.name == pod] or [
            each for each in near if each.ref.name.startswith(pod)
        ]

    def as_wanted(self, pod: Tree) -> bool:
        """Whether a pod is captured as labels ask for, in deed and in word."""
        life = self._lives.get(ref_of(pod))
        told = is_captured(pod)
        return self._around.wanted(pod) == told == (life is not None and life.captured)

    async def rest(self) -> None:
        """Wait until those that run are captured as labels ask for; for a while only, for one may never be."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_WHILE):
                while True:
                    if all(self.as_wanted(pod) for _, pod in self.running()):
                        return
                    await asyncio.sleep(_LOOK)

    def running(self) -> Iterator[tuple[PodNet, Tree]]:
        """Networks and objects of those that have a place and have not finished, by name."""
        for life in self.all():
            pod = self._around.store.get(life.ref)
            if life.net is not None and pod is not None and not is_finished(pod):
                yield life.net, pod

    def expected(self, pod: Tree) -> tuple[str, bool, bool]:
        """How a pod takes part in the mesh, and whether a proxy is to take what leaves it and what comes in."""
        role = proxy_of(pod)
        if role == ProxyRole.SIDECAR:
            taken = redirection(annotations_of(pod))
            out = taken.outbound is None and not taken.leaves_port(CLOSED)
            return role, taken.intercepts and out, taken.takes_from(CLOSED)
        wanted = self._around.wanted(pod)
        return ("ambient" if wanted else role or "none"), wanted, wanted and not bypasses_inbound(pod)

    def _begun(self, life: Life) -> None:
        """Know a pod by its uid, once it has a namespace."""
        self._by_uid[life.uid] = life

    def _over(self, life: Life) -> None:
        """Nothing is left of a pod."""
        self._by_uid.pop(life.uid, None)
        self._lives.pop(life.ref, None)

    def _hear(self, change: Change) -> None:
        if change.ref.kind == NAMESPACE.key and (change.before is None or _labels_differ(change)):
            for ref, life in self._lives.items():
                if ref.namespace == change.ref.name:
                    life.wake()
        if change.ref.kind != POD.key:
            return
        if change.ref not in self._lives and change.verb is not Verb.DELETED:
            self._lives[change.ref] = Life(change.ref, self._around, begun=self._begun, over=self._over)
        if change.ref in self._lives:
            self._lives[change.ref].wake()


def _labels_differ(change: Change) -> bool:
    return change.before is None or labels_of(change.tree) != labels_of(change.before)
