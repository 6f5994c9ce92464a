"""A rehearsal: the mesh comes up in a lab, load begins, the plan is carried out and taken back."""

import time
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from sidestep import __version__
from sidestep.actions.runs.events import (
    Ended,
    Ending,
    Event,
    ReversalBegan,
    Reversed,
    StepBegan,
    StepDone,
    StepFailed,
)
from sidestep.actions.runs.journal import MemoryJournal
from sidestep.actions.runs.performing import Clock, Patience
from sidestep.actions.runs.runner import Runner, Terms
from sidestep.actions.worlds.lab import LabWorld
from sidestep.errors import WorldError
from sidestep.lab.agent.messages import Row
from sidestep.lab.api import messages as api
from sidestep.lab.bench.usage import used
from sidestep.lab.cluster.objects import Tree
from sidestep.lab.lab import Lab, nodes
from sidestep.plan.document import Plan
from sidestep.plan.steps import Gate, Step
from sidestep.rehearse.counting import Counts
from sidestep.rehearse.gates import Gates
from sidestep.rehearse.result import Part, Rehearsal, Used
from sidestep.rehearse.traffic import Question, Traffic

Heard = Callable[[str], None]
_QUIET = 3.0
"""Seconds after the last step in which late answers come."""


class Asked(Struct, frozen=True):
    """What to rehearse.

    Attributes:
        source: what was read, in words.
        objects: of the mesh, made small.
        merged: what was made small, in words.
        plan: to be carried out.
        traffic: to be sent meanwhile.
        baseline: seconds of load before the first step, and after the last.
        window: seconds over which gates look.
        take_back: every wave is taken back at the end.
        nodes: of the lab.
        name: of the lab.
    """

    source: str
    objects: tuple[Tree, ...]
    merged: tuple[str, ...]
    plan: Plan
    traffic: Traffic
    baseline: float = 10.0
    window: float = 3.0
    take_back: bool = True
    nodes: int = 2
    name: str = "rehearsal"


def rehearse(asked: Asked, heard: Heard = lambda _: None) -> Rehearsal:
    """Carry a plan out in a lab of its own, and tell what became of every request.

    Raises:
        SidestepError: the lab does not come up, or what is sent is not answered as decided even before the first step.
    """
    heard(f"bringing up {len(asked.objects)} objects")
    with Lab(asked.objects, name=asked.name, nodes=nodes(asked.nodes)) as lab:
        return _Rehearsal(lab, asked, heard).all()


class _Rehearsal:
    def __init__(self, lab: Lab, asked: Asked, heard: Heard) -> None:
        self._lab, self._asked, self._heard = lab, asked, heard
        self._questions = {each.name: each for each in asked.traffic.questions}
        self._steps = {step.id: step for step in asked.plan.steps}
        self._began = time.time()
        self._open: dict[tuple[str, bool], float] = {}
        self._parts: list[Part] = []
        self._gates = Gates(self._rows, asked.plan, self._questions)

    def all(self) -> Rehearsal:
        pods = self._lab.client.ask(api.Status())["pods"]
        self._lab.client.ask(api.Drive([each.edge() for each in self._questions.values()]))
        left_out = self._check()
        self._began = time.time()
        before = self._between("before", "the mesh as it is")
        runner = self._runner()
        ended = runner.run()
        after = self._between("after", "the plan is carried out" if ended.how is Ending.COMPLETED else "it ended")
        back = self._take_back(runner) if self._asked.take_back and ended.how is Ending.COMPLETED else None
        self._lab.client.ask(api.Drive([]))
        time.sleep(_QUIET)
        return self._told(pods, left_out, (ended, back), (before, after))

    def _check(self) -> tuple[str, ...]:
        """What is not answered as decided although nothing has happened yet is said, and sent no more.

        Raises:
            WorldError: nothing is answered.
        """
        self._heard("sending the first requests")
        time.sleep(_QUIET + 1)
        counts = {name: [0, 0] for name in self._questions}
        for row in self._rows(int(self._began)):
            counts[row.edge][0] += row.sent
            counts[row.edge][1] += row.ok
        odd = {name for name, (sent, ok) in counts.items() if self._unlike(self._questions[name], sent, ok)}
        if odd and not any(each.allowed for name, each in self._questions.items() if name not in odd):
            first = min(odd)
            raise WorldError(f"the lab answers nothing as decided, {first} to begin with", remedy="see sidestep lab up")
        self._questions = {name: each for name, each in self._questions.items() if name not in odd}
        self._lab.client.ask(api.Drive([each.edge() for each in self._questions.values()]))
        time.sleep(1)
        return tuple(f"{name}: in the lab it is not answered as decided, before any step" for name in sorted(odd))

    @staticmethod
    def _unlike(question: Question, sent: int, ok: int) -> bool:
        return sent > 0 and (ok < sent if question.allowed else ok > 0)

    def _between(self, name: str, title: str) -> dict[str, Used]:
        """A time in which nothing is done; what proxies used in it."""
        self._heard(title)
        began, first = time.time(), used(self._lab.client)
        time.sleep(self._asked.baseline)
        seconds, last = time.time() - began, used(self._lab.client)
        self._parts.append(Part(name, None, title, began - self._began, seconds))
        return {
            role: Used(
                max(each.cpu - (first[role].cpu if role in first else 0.0), 0.0) / seconds, each.memory, each.processes
            )
            for role, each in last.items()
        }

    def _runner(self) -> Runner:
        world = LabWorld(self._lab.settings.name, self._lab.client, self._gates.measure)
        patience = Patience(poll=0.2, window=self._asked.window)
        terms = Terms("rehearsal", "rehearsed", parallel=2, patience=patience, enforce=False)
        return Runner(
            self._asked.plan, world, MemoryJournal(), terms, Clock(time.monotonic, time.sleep), heard=self._hear
        )

    def _take_back(self, runner: Runner) -> Ended:
        ended = runner.take_back(0, "the way back is rehearsed too")
        self._between("taken back", "the mesh as it was")
        return ended

    def _hear(self, event: Event) -> None:
        now = time.time() - self._began
        match event:
            case StepBegan(step=step) | ReversalBegan(step=step):
                self._open[step, isinstance(event, ReversalBegan)] = now
                back = "back: " if isinstance(event, ReversalBegan) else ""
                self._heard(f"{back}{self._steps[step].description}")
            case StepDone(step=step, told=told):
                self._close(step, now, told=told)
            case StepFailed(step=step, why=why):
                self._close(step, now, failed=why)
            case Reversed(step=step):
                self._close(step, now, back=True)
            case _:
                pass

    def _close(self, name: str, now: float, *, told: str = "", failed: str = "", back: bool = False) -> None:
        step = self._steps[name]
        began = self._open.pop((name, back), now)
        part = Part(name, step.wave, _title(step), began, now - began, told=told, failed=failed, back=back)
        self._parts.append(part)

    def _rows(self, since: int) -> list[Row]:
        told: list[dict[str, Any]] = self._lab.client.ask(api.Driven(since))
        return msgspec.convert(told, list[Row], strict=False)

    def _told(
        self,
        pods: int,
        left_out: tuple[str, ...],
        runs: tuple[Ended, Ended | None],
        proxies: tuple[dict[str, Used], dict[str, Used]],
    ) -> Rehearsal:
        (ended, back), (before, after) = runs, proxies
        counts = Counts(self._rows(int(self._began)), self._questions, self._began)
        parts = sorted(self._parts, key=lambda each: each.began)
        counted = tuple(
            msgspec.structs.replace(each, counted=counts.between(each.began, each.began + each.seconds))
            for each in parts
        )
        traffic = self._asked.traffic
        more = (f"{traffic.left_out} kinds of requests more than are sent",) if traffic.left_out else ()
        unknown = (f"{traffic.undecided} kinds of requests of which it is not known what becomes of them",)
        why = ended.why or (back.why if back is not None and back.how is not Ending.REVERSED else "")
        return Rehearsal(
            __version__, self._asked.source, pods, self._asked.merged,
            (*left_out, *more, *(unknown if traffic.undecided else ())),
            ended.how, why, back.how if back is not None else None, counts.total(), counted,
            counts.timeline(), counts.wrong(), before, after,
        )  # fmt: skip


def _title(step: Step) -> str:
    return f"gate {step.effect.name}" if isinstance(step.effect, Gate) else step.description
