"""The lab as a world: writes through its socket, looks at its objects."""

import re
from collections.abc import Callable
from typing import Any

from sidestep.actions.in_memory import trees
from sidestep.actions.worlds import looks
from sidestep.actions.worlds.effects import controller
from sidestep.actions.worlds.interface import ConflictError, Found, Tree, Version
from sidestep.errors import WorldError
from sidestep.lab.api import messages as api
from sidestep.lab.api.client import Client
from sidestep.lab.cluster.objects import ref_of
from sidestep.model.kinds import GATEWAY, POD, SERVICE
from sidestep.model.metadata import ObjectId, WorkloadRef
from sidestep.plan.steps import Probe, Wait, WaitFor

_SUBJECT = re.compile(r"(?:(\S+) )?(?:([^/ ]+)/)?([^/ ]+)")
Measure = Callable[[str, int], float | None]


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
        if workload.kind == POD.name:
            return ""
        return looks.rollout_misses(self.read(controller(workload)).tree)

    def holds(self, wait: Wait) -> str:
        """By conditions, annotations and containers."""
        kind, namespace, name = _subject(wait.subject)
        match wait.what:
            case WaitFor.WAYPOINT_READY:
                named = ObjectId(GATEWAY.api_version(), GATEWAY.name, namespace, name)
                return looks.condition_misses(self.read(named).tree, "Programmed")
            case WaitFor.WAYPOINT_BOUND:
                named = ObjectId(SERVICE.api_version(), kind or SERVICE.name, namespace, name)
                return "" if self.read(named).tree is not None else f"{wait.subject} is absent"
            case WaitFor.ROLLED_OUT:
                return self.rolled_out(WorkloadRef(namespace, kind, name))
            case WaitFor.CAPTURED:
                return looks.capture_misses(self._pods(kind, namespace, name))
            case WaitFor.SIDECARS_GONE:
                return looks.sidecar_misses(self._pods(kind, namespace, name))
            case WaitFor.POLICY_ACCEPTED | WaitFor.DAEMONSETS_READY:
                return ""

    def measure(self, query: str, seconds: int) -> float | None:
        """What whoever drives the lab has counted."""
        return self._measure(query, seconds)

    def answer(self, probe: Probe) -> str:
        """By sending it."""
        path = probe.path or "/"
        url = f"http://{probe.to}:{probe.port}{path}" if probe.method else f"tcp://{probe.to}:{probe.port}"
        (told,) = self._speaker.ask(api.Call(probe.client, url, 1, probe.method or "GET"))
        if told["ok"]:
            return "allow"
        return "deny" if told["kind"] in {"reset", "closed", "refused", "http-403", "grpc-7"} else str(told["kind"])

    def _pods(self, kind: str, namespace: str, name: str) -> list[Tree]:
        every: list[Tree] = self._speaker.ask(api.List(POD.key, namespace or None))
        if not kind or kind == "Namespace":
            return every
        return looks.selected(every, self.read(controller(WorkloadRef(namespace, kind, name))).tree)

    def _exchange(self, named: ObjectId, tree: Any, version: Version) -> None:
        _demand(self._speaker.ask(api.Exchange(tree, version)), named)


def _demand(told: dict[str, bool], named: ObjectId) -> None:
    if not told["exchanged"]:
        raise ConflictError("somebody else has changed it meanwhile", where=str(named))


def _stub(named: ObjectId) -> Tree:
    meta = {"name": named.name, **({"namespace": named.namespace} if named.namespace else {})}
    return {"apiVersion": named.api_version, "kind": named.kind, "metadata": meta}


def _subject(text: str) -> tuple[str, str, str]:
    """Kind, namespace and name, of which only the name is sure."""
    found = _SUBJECT.fullmatch(text)
    return (found[1] or "", found[2] or "", found[3]) if found else ("", "", text)
