"""A rehearsal: the mesh comes up in a lab, load begins, the plan is carried out and taken back."""

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from math import ceil
from typing import TypeVar

from msgspec import Struct

from sidestep import __version__
from sidestep.actions.gates.judging import Seen
from sidestep.actions.runs.events import Ended, Ending, Event, Measured
from sidestep.actions.runs.journal import MemoryJournal
from sidestep.actions.runs.performing import Clock, Patience
from sidestep.actions.runs.runner import Runner, Terms
from sidestep.actions.worlds.lab import LabWorld
from sidestep.lab.agent.messages import Row
from sidestep.lab.api import messages as api
from sidestep.lab.cluster.objects import Tree
from sidestep.lab.lab import Lab, nodes
from sidestep.model.kinds import POD
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.document import Plan
from sidestep.plan.steps import Gate
from sidestep.rehearse.checks import Checks
from sidestep.rehearse.counting import Counts
from sidestep.rehearse.diary import Diary
from sidestep.rehearse.faults import Injection
from sidestep.rehearse.gates import Gates, Rows
from sidestep.rehearse.load import Load
from sidestep.rehearse.looks import Looks, usage
from sidestep.rehearse.prediction import Foretold, foretold
from sidestep.rehearse.probes import probed
from sidestep.rehearse.result import GateSeen, Phase, Rehearsal, StandIn, Used
from sidestep.rehearse.starts import Starts
from sidestep.rehearse.summing import expected, money, struck, told, windows
from sidestep.rehearse.traffic import Traffic
from sidestep.semantics.loose import as_dict, as_dicts

Heard = Callable[[str], None]
_T = TypeVar("_T")
_SETTLE = 5.0
"""Seconds until packets, and the mesh, must be as a wave left them."""
_AT_A_TIME = 4
"""Steps: rollouts of a wave, and gates after it."""


class Asked(Struct, frozen=True):
    """What to rehearse.

    Attributes:
        source: what was read, in words.
        mesh: as it is.
        objects: of the mesh, made small.
        merged: what was made small, in words.
        plan: to be carried out.
        traffic: to be sent meanwhile.
        baseline: seconds of load before the first step, and after the last.
        window: longest seconds for which gates look.
        take_back: every wave is taken back at the end.
        injections: faults in the middle of waves.
        nodes: of the lab.
        name: of the lab.
        stand_ins: workloads that stand for others of their shape.
    """

    source: str
    mesh: Mesh
    objects: tuple[Tree, ...]
    merged: tuple[str, ...]
    plan: Plan
    traffic: Traffic
    baseline: float = 10.0
    window: float = 3.0
    take_back: bool = True
    injections: tuple[Injection, ...] = ()
    nodes: int = 2
    name: str = "rehearsal"
    stand_ins: tuple[StandIn, ...] = ()


def rehearse(asked: Asked, heard: Heard = lambda _: None) -> Rehearsal:
    """Carry a plan out in a lab of its own, and tell what became of every request.

    Raises:
        SidestepError: the lab does not come up, or what is sent is not answered as decided even before the first step.
    """
    heard(f"bringing up {len(asked.objects)} objects")
    with ExitStack() as stack:
        lab = stack.enter_context(Lab(asked.objects, name=asked.name, nodes=nodes(asked.nodes)))
        looks = stack.enter_context(Looks(lab.client))
        starts = stack.enter_context(Starts(lab.client))
        return _Rehearsal(lab, asked, heard, looks, starts).all()


class _Rehearsal:
    def __init__(self, lab: Lab, asked: Asked, heard: Heard, looks: Looks, starts: Starts) -> None:
        self._lab, self._asked, self._heard, self._looks, self._starts = lab, asked, heard, looks, starts
        self._load = Load(lab.client, asked.traffic.questions, heard)
        self._baselines: dict[str, Seen] = {}
        self._phases: list[tuple[str, float, float]] = []
        self._gates = Gates(self._load.rows, self._load.questions, looks, self._restarts)
        self._began = time.time()
        self._diary = Diary(asked.plan, asked.injections, lab.client, self._now, heard)

    def all(self) -> Rehearsal:
        pods = self._lab.client.ask(api.Status())["pods"]
        left_out = self._load.begin()
        self._began = time.time()
        self._between("before", "the mesh as it is")
        world = LabWorld(self._lab.settings.name, self._lab.client, self._gates.measure)
        self._checks = Checks(self._asked.plan, self._lab.client, world.mesh)
        runner = self._runner(world)
        ended = self._phase("during", runner.run)
        self._between("after", "the plan is carried out" if ended.how is Ending.COMPLETED else "it ended")
        states = foretold(self._asked.plan, self._asked.mesh, self._load.questions.values(), self._diary.begun)
        gates = self._gates_at_last(states)
        back = None
        if self._asked.take_back and ended.how is Ending.COMPLETED:
            self._load.raise_again()
            back = self._phase("back", lambda: runner.take_back(0, "the way back is rehearsed too"))
            self._between("taken back", "the mesh as it was")
        self._diary.close()
        end = self._now()
        self._load.end(self._began + end)
        return self._told(pods, left_out, ended, back, gates, states, end)

    def _now(self) -> float:
        return time.time() - self._began

    def _between(self, name: str, title: str) -> None:
        """A time in which nothing is done."""
        self._heard(title)
        self._phase(name, lambda: time.sleep(self._asked.baseline))
        _, began, end = self._phases[-1]
        self._diary.pause(name, title, began, end - began)

    def _phase(self, name: str, act: Callable[[], _T]) -> _T:
        began = self._now()
        try:
            return act()
        finally:
            self._phases.append((name, began, self._now()))

    def _runner(self, world: LabWorld) -> Runner:
        patience = Patience(poll=0.2, look=1.0, window=self._asked.window, past=self._asked.baseline, settle=_SETTLE)
        terms = Terms("rehearsal", "rehearsed", parallel=_AT_A_TIME, patience=patience, enforce=False)
        clock = Clock(time.monotonic, time.sleep)
        return Runner(self._asked.plan, world, MemoryJournal(), terms, clock, heard=self._hear, known=self._checks)

    def _hear(self, event: Event) -> None:
        if isinstance(event, Measured):
            self._baselines[event.step] = Seen(event.value, event.of)
        self._diary.hear(event)

    def _gates_at_last(self, states: Foretold) -> tuple[GateSeen, ...]:
        """What gates say of all that was since their wave was done, but for what the plan's states foretell."""
        done = self._diary.waves()
        last = time.time()
        rows = self._unforetold(states)
        gates = Gates(rows, self._load.questions, self._looks, self._restarts)
        found = [self._probes(wave, rows(ceil(self._began + end)), last) for wave, end in sorted(done.items())]
        for step in self._asked.plan.steps:
            if isinstance(step.effect, Gate) and step.effect.stops and step.wave in done:
                before = self._baselines.get(step.id, Seen())
                seen = gates.finding(step.effect, before, self._began + done[step.wave], last)
                found.append(GateSeen(step.id, step.wave, step.effect.name, seen.answer, seen.told))
        return tuple(sorted((*self._checks.found, *found), key=lambda gate: gate.wave))

    def _unforetold(self, states: Foretold) -> Rows:
        """Rows without those of requests that the plan's states decide otherwise at their time."""
        away = expected(self._diary.parts, states, self._began)
        return lambda since: [row for row in self._load.rows(since) if row.edge not in away.get(row.second, ())]

    def _probes(self, wave: int, rows: Iterable[Row], last: float) -> GateSeen:
        seen = probed((row for row in rows if row.second <= last - 1), self._load.questions)
        return GateSeen("", wave, "probes", seen.answer, seen.told)

    def _restarts(self, workloads: Iterable[WorkloadRef]) -> int:
        """Of containers in all pods in their namespaces: those of a wave are new, and nobody else is touched."""
        spaces = sorted({ref.namespace for ref in workloads})
        pods = [pod for space in spaces for pod in self._lab.client.ask(api.List(POD.key, space))]
        rows = (row for pod in pods for row in as_dicts(as_dict(pod.get("status")).get("containerStatuses")))
        return sum(row.get("restartCount", 0) for row in rows)

    def _told(  # noqa: PLR0913, PLR0917 - of all that was
        self, pods: int, left_out: tuple[str, ...], ended: Ended, back: Ended | None, gates: tuple[GateSeen, ...],
        states: Foretold, end: float,
    ) -> Rehearsal:  # fmt: skip
        asked = self._asked
        away = expected(self._diary.parts, states, self._began)
        counts = Counts(self._load.rows(int(self._began)), self._load.questions, self._began, away)
        parts = told(self._diary.parts, counts, states)
        phases = tuple(
            Phase(name, last - first, counts.between(first, last), self._used(first, last))
            for name, first, last in self._phases
        )
        used = {phase.name: phase.used for phase in phases}
        why = ended.why or (back.why if back is not None and back.how is not Ending.REVERSED else "")
        return Rehearsal(
            __version__, asked.source, pods, asked.merged, (*left_out, *asked.traffic.notes), ended.how, why,
            back.how if back is not None else None, counts.total(), parts, counts.timeline(), counts.wrong(),
            used["before"], used["after"], phases, gates, struck(self._diary.struck, counts),
            tuple(windows(asked.plan, parts, counts, end)), self._starts.by_kind(), money(asked.plan),
            counts.late(), asked.stand_ins,
        )  # fmt: skip

    def _used(self, first: float, last: float) -> dict[str, Used]:
        looks = self._looks.between(self._began + first, self._began + last)
        return usage(looks) if looks else {}
