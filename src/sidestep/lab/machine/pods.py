"""All pods of the lab: who they are, and who tells each that it should look again."""

from collections.abc import Callable, Mapping

from sidestep.controlplane.records import ProxyRole
from sidestep.lab.agent.messages import Probed, Ready
from sidestep.lab.cluster.enrolment import wants_capture
from sidestep.lab.cluster.injection import Injection
from sidestep.lab.cluster.objects import (
    Change,
    Ref,
    Store,
    Tree,
    Verb,
    annotations_of,
    labels_of,
    ref_of,
)
from sidestep.lab.cluster.pods import (
    bypasses_inbound,
    is_captured,
    proxy_of,
)
from sidestep.lab.cluster.schedule import Load
from sidestep.lab.machine.life import Life
from sidestep.lab.machine.nodes import NodeUp
from sidestep.lab.machine.pod_proxy import Kit
from sidestep.lab.machine.telemetry import OfPod
from sidestep.lab.machine.verification import CLOSED
from sidestep.model.kinds import NAMESPACE, POD
from sidestep.semantics.redirection import redirection


class Pods:
    """All pods of the lab.

    Args:
        store: the objects.
        nodes: that are up, by name.
        kit: what proxies of pods are made with.
        injection: knows what they are told to be.
        say: told of what users should know: pod and sentence.
        now: the time, as RFC 3339.
    """

    def __init__(  # noqa: PLR0913 - what it stands between
        self,
        store: Store,
        nodes: Mapping[str, NodeUp],
        kit: Kit,
        injection: Injection,
        *,
        say: Callable[[str, str], None],
        now: Callable[[], str],
    ) -> None:
        self.store, self.nodes, self.say, self.now = store, nodes, say, now
        self.kit, self.injection = kit, injection
        self.processes, self.scratch = kit.processes, kit.scratch
        self.loads: dict[str, Load] = {}
        self._lives: dict[Ref, Life] = {}
        self._by_uid: dict[str, Life] = {}
        store.listen(self._hear)

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
        self.loads[node] = Load()
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
        return self.wanted(pod) == told == (life is not None and life.captured)

    def wanted(self, pod: Tree) -> bool:
        """Whether labels ask for a pod to be captured."""
        namespace = self.store.get(Ref(NAMESPACE.key, "", str(pod["metadata"]["namespace"])))
        return wants_capture(pod, labels_of(namespace) if namespace else {})

    def expected(self, pod: Tree) -> tuple[str, bool, bool]:
        """How a pod takes part in the mesh, and whether a proxy is to take what leaves it and what comes in."""
        role = proxy_of(pod)
        if role == ProxyRole.SIDECAR:
            taken = redirection(annotations_of(pod))
            out = taken.outbound is None and not taken.leaves_port(CLOSED)
            return role, taken.intercepts and out, taken.takes_from(CLOSED)
        wanted = self.wanted(pod)
        return ("ambient" if wanted else role or "none"), wanted, wanted and not bypasses_inbound(pod)

    def begin(self, life: Life) -> None:
        """Know a pod by its uid, once it has a namespace."""
        self._by_uid[life.uid] = life

    def over(self, life: Life) -> None:
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
            self._lives[change.ref] = Life(self, change.ref)
        if change.ref in self._lives:
            self._lives[change.ref].wake()


def _labels_differ(change: Change) -> bool:
    return change.before is None or labels_of(change.tree) != labels_of(change.before)
