"""Answers of every kind, as `sidestep explain` makes them: plain, refused, several ways, unknown, and nasty."""

from tests.support import log_lines
from tests.support.scenes import index, pods, policy, service, waypoint

from sidestep.audit.audit import judge
from sidestep.audit.facts import Options
from sidestep.audit.gather import gather
from sidestep.audit.symptom_report import SymptomAnswer, symptom_answer
from sidestep.explain.answer import LABELS_ALONE, PLANNED, TODAY, State, explain
from sidestep.explain.explanation import DecidedBy, DifferenceReport, Explanation, HopReport, StateReport
from sidestep.explain.log_answer import LogExplanation, explain_log
from sidestep.explain.log_lines.parse import parse_log_line
from sidestep.explain.matrix import Matrix, matrix
from sidestep.explain.question import Question
from sidestep.model.metadata import ObjectId
from sidestep.model.telemetry import Telemetry
from sidestep.semantics.index import MeshIndex

NASTY = "</script><b>`|*_[x](y)\x1b[31m\u202e & \"'"
READERS = policy("readers", {"to": [{"operation": {"methods": ["GET"]}}]}, app="cart")


def sidecars(*more) -> MeshIndex:
    return index(pods("web"), pods("cart"), service("cart"), READERS, *more)


def guarded() -> MeshIndex:
    return index(
        pods("web", "ambient"),
        pods("cart", "ambient"),
        service("cart", labels={"istio.io/use-waypoint": "waypoint"}),
        waypoint(),
        policy("readers", {"to": [{"operation": {"methods": ["GET"]}}]}, service="cart"),
    )


def three_states(**question) -> Explanation:
    bare = index(pods("web", "ambient"), pods("cart", "ambient"), service("cart"), READERS)
    states = [State(TODAY, sidecars()), State(LABELS_ALONE, bare, optional=True), State(PLANNED, guarded())]
    return explain(states, Question("shop/web", "cart", **question))


def refused() -> Explanation:
    return explain([State(TODAY, sidecars())], Question("shop/web", "cart", method="POST"))


def several_ways() -> Explanation:
    mesh = index(
        pods("web"), pods("a", labels={"app": "cart"}), pods("b", "none", labels={"app": "cart"}), service("cart")
    )
    return explain([State(TODAY, mesh)], Question("shop/web", "cart"))


def unknown() -> Explanation:
    asks = policy("ask", {}, app="cart", action="CUSTOM", provider={"name": "opa"})
    return explain([State(TODAY, sidecars(asks))], Question("shop/web", "cart"))


def nasty() -> Explanation:
    named = ObjectId("v1", NASTY, NASTY, NASTY)
    hop = HopReport("server sidecar", NASTY, "mTLS", NASTY, NASTY, 80, "deny", DecidedBy(named, 1), (NASTY, NASTY * 9))
    state = StateReport("today", "deny", "403", NASTY * 5, (hop,), {"source": NASTY}, unknowns=(NASTY,))
    return Explanation(
        NASTY, (state, state), (DifferenceReport("D05", NASTY, NASTY, "docs/differences/D05.md"),), (NASTY,) * 40, NASTY
    )


def log(text: str = log_lines.OUTBOUND) -> LogExplanation:
    mesh = index(
        pods("shell", space="default", ip="10.244.0.26"),
        pods("httpbin", ip="10.244.0.31", ports=(80,)),
        service("httpbin", port=8000, target=80),
    )
    return explain_log(parse_log_line(text), [State(TODAY, mesh)])


def log_alone() -> LogExplanation:
    return explain_log(parse_log_line(log_lines.RECORDED["denied by name"]), (), f"no cluster {NASTY}")


def symptoms(text: str = "503 UF upstream connect error") -> SymptomAnswer:
    mesh = sidecars().mesh
    return symptom_answer(text, judge(gather(mesh, Telemetry(), Options())), f"findings in {NASTY}")


def no_symptom() -> SymptomAnswer:
    return symptoms(f"zzz {NASTY}")


def callers() -> Matrix:
    mesh = sidecars(service("db", port=5432, protocol="tcp"), pods("db"), pods("front", space="web"))
    return matrix(State(TODAY, mesh), "shop")


def wide_matrix() -> Matrix:
    many = [service(f"service-number-{number}", port=8000 + number) for number in range(20)]
    return matrix(State(TODAY, sidecars(*many)), "shop")


EXPLANATIONS = (three_states, refused, several_ways, unknown, nasty)
LOGS = (log, log_alone)
SYMPTOMS = (symptoms, no_symptom)
MATRICES = (callers, wide_matrix)
