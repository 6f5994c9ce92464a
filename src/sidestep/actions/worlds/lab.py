"""The lab as a world: writes through its socket, looks at its objects."""

from datetime import UTC, datetime
from typing import Any

from sidestep.actions.gates.watching import Measure
from sidestep.actions.in_memory import trees
from sidestep.actions.worlds import looks, waits
from sidestep.actions.worlds.interface import ConflictError, Found, Tree, Version
from sidestep.errors import WorldError
from sidestep.lab.api import messages as api
from sidestep.lab.api.client import Client
from sidestep.lab.cluster.objects import ref_of
from sidestep.lab.cluster.shapes import mesh_of
from sidestep.model.kinds import KINDS, POD
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.measures import Query
from sidestep.plan.steps import Probe, Wait


class LabWorld:
    """A running lab.

    Args:
        lab: its name.
        speaker: to it.
        measure: what gates see, by query and seconds.
    """

    def __init__(self, lab: str, speaker: Client, measure: Measure = lambda *_: None) -> None:
        self._name, self._speaker, self._measure = lab, speaker, measure

    @property
    def name(self) -> str:
        """The lab's."""
        return f"lab {self._name}"

    def moment(self) -> str:
        """This machine's."""
        return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def mesh(self) -> Mesh:
        """The mesh that its objects are."""
        return mesh_of(tree for kind in KINDS for tree in self._speaker.ask(api.List(kind.key)))

    def read(self, named: ObjectId) -> Found:
        """As it stands."""
        ref = ref_of(_stub(named))
        tree = self._speaker.ask(api.Get(ref.kind, ref.namespace, ref.name))
        return Found(tree, Version(str(tree["metadata"]["resourceVersion"])) if tree else Version(""))

    def patch(self, named: ObjectId, patch: Tree, version: Version) -> None:
        """By merge patch."""
        found = self.read(named)
        if found.tree is None:
            raise WorldError("there is none", where=str(named))
        self._exchange(named, trees.merge_patched(found.tree, patch), version)

    def apply(self, named: ObjectId, manifest: Tree, version: Version) -> None:
        """As a whole."""
        self._exchange(named, trees.applied(self.read(named).tree, manifest), version)

    def delete(self, named: ObjectId, version: Version) -> None:
        """Away."""
        told = self._speaker.ask(api.Exchange(_stub(named), version, delete=True))
        _demand(told, named)

    def rolled_out(self, workload: WorkloadRef) -> str:
        """By its controller's status."""
        return waits.rolled_out(self, workload)

    def held_up_by(self, workload: WorkloadRef) -> str:
        """By the status of its pods."""
        return waits.held_up_by(self, workload)

    def holds(self, wait: Wait) -> str:
        """By conditions, annotations and containers, and by what proxies have taken."""
        return waits.missing(self, wait)

    def waypoint_misses(self, named: ObjectId) -> str:
        """By the condition of its Gateway."""
        return looks.condition_misses(self.read(named).tree, "Programmed")

    def binding_misses(self, named: ObjectId) -> str:
        """By what proxies have taken of it."""
        told: str = self._speaker.ask(api.Taken(_stub(named)))
        return told

    acceptance_misses = binding_misses

    def measure(self, query: Query, seconds: float) -> float | None:
        """What whoever drives the lab has counted."""
        return self._measure(query, seconds)

    def answer(self, probe: Probe) -> str:
        """By sending it."""
        path = probe.path or "/"
        url = f"http://{probe.to}:{probe.port}{path}" if probe.method else f"tcp://{probe.to}:{probe.port}"
        (told,) = self._speaker.ask(api.Call(self._pod_of(probe.client), url, 1, probe.method or "GET"))
        if told["ok"]:
            return "allow"
        return "deny" if told["kind"] in {"reset", "closed", "refused", "http-403", "grpc-7"} else str(told["kind"])

    def _pod_of(self, client: str) -> str:
        """One of a workload's pods that stays: of several, the lab would not choose."""
        namespace, _, name = client.partition("/")
        pods = self._speaker.ask(api.List(POD.key, namespace))
        staying = (looks.name_of(pod) for pod in looks.staying(pods) if looks.workload_name(pod) == name)
        return min(staying, default=client)

    def pods(self, namespace: str, _chosen: looks.Selector | None) -> list[Tree]:
        """All of a namespace."""
        every: list[Tree] = self._speaker.ask(api.List(POD.key, namespace))
        return every

    def _exchange(self, named: ObjectId, tree: Any, version: Version) -> None:
        _demand(self._speaker.ask(api.Exchange(tree, version)), named)


def _demand(told: dict[str, bool], named: ObjectId) -> None:
    if not told["exchanged"]:
        raise ConflictError("somebody else has changed it meanwhile", where=str(named))


def _stub(named: ObjectId) -> Tree:
    meta = {"name": named.name, **({"namespace": named.namespace} if named.namespace else {})}
    return {"apiVersion": named.api_version, "kind": named.kind, "metadata": meta}
