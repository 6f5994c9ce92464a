"""What became of requests while something happened."""

from sidestep.actions.runs.events import Ending
from sidestep.lab.agent.histogram import Histogram
from sidestep.lab.agent.messages import Example, Outcome, Row
from sidestep.model.metadata import WorkloadRef
from sidestep.rehearse.counting import Counts
from sidestep.rehearse.result import Counted, Part, Rehearsal, Used
from sidestep.rehearse.traffic import Question
from sidestep.report.rehearsal.page import page
from sidestep.report.rehearsal.table import text

WEB = WorkloadRef("shop", "Deployment", "web")
GET = Question(WEB, ("shop", "cart"), 80, "GET", "/")
DELETE = Question(WEB, ("shop", "cart"), 80, "DELETE", "/", allowed=False)
QUESTIONS = {each.name: each for each in (GET, DELETE)}


def row(question, second, ok=0, failed=0):
    latency = Histogram()
    for _ in range(ok):
        latency.add(500)
    examples = [Example(second + 0.5, Outcome(ok=False, kind="reset", detail="cut off"))] if failed else []
    failures = {"reset": failed} if failed else {}
    return Row(question.name, "", second, ok + failed, ok, failures, examples, latency)


def counts(*rows):
    return Counts(rows, QUESTIONS, 1000.25)


def test_what_must_be_answered_is_lost_and_what_must_be_refused_is_admitted():
    found = counts(row(GET, 1000, 8, 2), row(DELETE, 1000, 1, 4)).total()
    assert found == Counted(10, 2, 5, 1, found.p50, found.p99)
    assert not found.clean
    assert counts(row(GET, 1000, 8), row(DELETE, 1000, 0, 5)).total().clean


def test_a_step_counts_what_was_due_meanwhile():
    made = counts(row(GET, 1000, 1), row(GET, 1001, 2), row(GET, 1002, 4))
    assert made.between(0.0, 2.0).sent == 3
    assert made.between(1.0, 1.1).sent == 2, "a short one counts its whole second"
    assert made.between(50, 60).sent == 0


def test_each_way_of_a_request_is_told_once_and_counted():
    rows = [row(GET, 1000 + number, 0, 2) for number in range(5)] + [row(DELETE, 1010, 3)]
    lost, admitted = counts(*rows).wrong()
    assert (lost.what, lost.request, lost.count, lost.at) == ("lost", GET.name, 10, 0.25)
    assert (lost.how, lost.detail) == ("reset", "cut off")
    assert (admitted.what, admitted.request, admitted.count) == ("admitted", DELETE.name, 3)


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
        "timeline": made.timeline(), "wrong": made.wrong(), "before": {"sidecar": Used(0.5, 2**20, 2)},
        "after": {"node": Used(0.25, 2**21, 1)}, **more,
    }  # fmt: skip
    return Rehearsal(**told)


def test_the_verdict_comes_first():
    told = text(rehearsal()).splitlines()
    assert told[0] == "The plan was carried out, and taken back."
    assert told[1] == "10 requests that are answered today: 2 lost. 5 that are refused today: 1 admitted."
    assert "sidecar proxies: 2 with 500m CPU and 1 MiB before, none after" in told
    assert not rehearsal().clean


def test_a_run_that_stopped_is_told_with_its_reason():
    assert text(rehearsal(ended=Ending.STOPPED, why="w1: no")).startswith("The plan stopped half-way: w1: no")
    assert text(rehearsal(ended=Ending.REVERSED, why="w1: no")).startswith("The plan was not carried out")
    assert "could not be taken back" in text(rehearsal(taken_back=Ending.STOPPED))


def test_the_page_says_the_same_and_trusts_no_name():
    made = page(rehearsal())
    assert "2 lost" in made
    assert "<b>shop</b>" not in made
    assert "somebody else" in made
