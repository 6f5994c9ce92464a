"""Rehearsals of our own making: rows that a lab might have counted, and what is told of them."""

from functools import cache

from tests.support.runs import EXAMPLE, example_plan

from sidestep.actions.gates.judging import Answer
from sidestep.actions.memory import apply
from sidestep.actions.runs.events import Ending
from sidestep.lab.agent.histogram import Histogram
from sidestep.lab.agent.messages import Example, Outcome, Row
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.inferred_calls import inferred_calls
from sidestep.rehearse.counting import Counts
from sidestep.rehearse.question import Manner, Question
from sidestep.rehearse.result import GateSeen, Money, Part, Phase, Rehearsal, Start, Struck, Used, Window
from sidestep.rehearse.traffic import traffic
from sidestep.semantics.index import MeshIndex
from sidestep.sources.files import FilesSource

WEB = WorkloadRef("shop", "Deployment", "web")
GET = Question(WEB, ("shop", "cart"), 80, Manner.HTTP, "GET", "/")
DELETE = Question(WEB, ("shop", "cart"), 80, Manner.HTTP, "DELETE", "/", allowed=False)
QUESTIONS = {each.name: each for each in (GET, DELETE)}


def row(question, second, ok=0, failed=0, *, how="reset"):
    latency = Histogram()
    for _ in range(ok):
        latency.add(500)
    examples = [Example(second + 0.5, Outcome(ok=False, kind=how, detail="cut off"))] if failed else []
    failures = {how: failed} if failed else {}
    return Row(question.name, "", second, ok + failed, ok, failures, examples, latency)


def counts(*rows, away=None):
    return Counts(rows, QUESTIONS, 1000.25, away or {})


def rehearsal(**more):
    made = counts(row(GET, 1000, 8, 2), row(DELETE, 1001, 1, 4))
    told = {
        "tool_version": "1", "source": "files x", "pods": 3, "merged": ("a: 2 pods for 9",), "left_out": (),
        "ended": Ending.COMPLETED, "why": "", "taken_back": Ending.REVERSED, "total": made.total(),
        "parts": (
            Part("before", None, "the mesh as it is", 0.0, 1.0, made.between(0, 1)),
            Part("w001-0001", 1, "label <b>shop</b>", 1.0, 0.5, made.between(1, 2), told="seen"),
            Part("w001-0001", 1, "label <b>shop</b>", 2.0, 0.5, back=True, failed="somebody else"),
        ),
        "phases": (
            Phase("before", 10.0, made.between(0, 1), {"sidecar": Used(0.5, 2**20, 2)}),
            Phase("after", 10.0, made.between(1, 2), {"node": Used(0.25, 2**21, 1)}),
        ),
        "gates": (
            GateSeen("w001-0002", 1, "error-rate", Answer.FAILS, "error-rate: 5 of 9"),
            GateSeen("w001-0003", 1, "latency-p99", Answer.NOT_YET, "latency-p99: <i>few</i>"),
        ),
        "faults": (Struck("waypoint", 1, "waypoint/a is killed", 1.2, made.between(1, 2), 2.5),),
        "windows": (Window(1, "callers of <u>shop</u>", 15, 4.0, 2), Window(1, "others", None, 4.0, 0)),
        "starts": {"ambient": Start(2, 0.3, 0.5)}, "money": Money(10.0, 4.0, "USD"),
        "timeline": made.timeline(), "wrong": made.wrong(), "before": {"sidecar": Used(0.5, 2**20, 2)},
        "after": {"node": Used(0.25, 2**21, 1)}, **more,
    }  # fmt: skip
    return Rehearsal(**told)


@cache
def example():
    return FilesSource([str(EXAMPLE)]).read()


def example_traffic(rate=100.0, graph=None):
    mesh = example()
    after = apply(example_plan(), mesh)
    return traffic(MeshIndex.of(mesh), MeshIndex.of(after), graph or inferred_calls(mesh), rate)
