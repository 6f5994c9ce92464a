"""What a pod lives among: the lab's objects, its nodes, and what proxies are made with."""

from collections.abc import Callable, Mapping

from sidestep.lab.cluster.enrolment import wants_capture
from sidestep.lab.cluster.injection import Injection
from sidestep.lab.cluster.objects import Change, Ref, Store, Tree
from sidestep.lab.cluster.schedule import Load
from sidestep.lab.cluster.services import Near
from sidestep.lab.machine.nodes import NodeUp
from sidestep.lab.machine.pod_proxy import Kit
from sidestep.model.kinds import NAMESPACE, SERVICE
from sidestep.semantics.loose import labels_of


class Surroundings:
    """The same for all pods.

    Args:
        store: the objects.
        nodes: that are up, by name.
        kit: what proxies of pods are made with.
        injection: knows what they are told to be.
        say: told of what users should know: pod and sentence.
        now: the time, as RFC 3339.
    """

    def __init__(  # noqa: PLR0913 - what it holds together
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
        self._near: dict[str, Near] = {}
        store.listen(self._hear)

    def wanted(self, pod: Tree) -> bool:
        """Whether labels ask for a pod to be captured."""
        namespace = self.store.get(Ref(NAMESPACE.key, "", str(pod["metadata"]["namespace"])))
        return wants_capture(pod, labels_of(namespace) if namespace else {})

    def near(self, namespace: str) -> Near:
        """The Services of a namespace, read once for all pods that come while none of them changes."""
        found = self._near.get(namespace)
        if found is None:
            found = self._near[namespace] = Near.of(self.store.of(SERVICE, namespace))
        return found

    def _hear(self, change: Change) -> None:
        if change.ref.kind == SERVICE.key:
            self._near.pop(change.ref.namespace, None)
