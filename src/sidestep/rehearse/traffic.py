"""What is sent while a plan is carried out: what is answered today, and what is refused today and must stay refused.

Who may call whom is decided by `semantics.decide` on the mesh as it is; what may be asked is told apart by the prover,
for the mesh as it is and as it is to become. Calls that are known are sent as often as they were measured, in
proportion; whatever else may be asked is tried about once a second.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import NamedTuple

from msgspec import Struct, structs

from sidestep.model.call_graph import CallGraph
from sidestep.model.kinds import CONTROLLERS
from sidestep.model.metadata import WorkloadRef
from sidestep.rehearse.payloads import Payload, Payloads
from sidestep.rehearse.question import Question
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Decision, Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.instances import Mode
from sidestep.semantics.requests import Request, WorkloadClient
from sidestep.semantics.service_index import Service

MOST = 120
"""Questions of one kind: answered and known as calls, answered, refused."""
_PROBES = 60.0
"""Requests a second of all that are tried beside the load, of each kind; of each once a second at most."""
_SMALLEST = 0.01
"""Share of the load that a call has at least, however seldom it was measured."""
_LARGEST = 64 * 1024
_USES = 50
"""Requests of the load for which a connection is kept: programs keep theirs, and open new ones all the time."""
_RUNS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
_Name = tuple[str, str]


class Traffic(Struct, frozen=True):
    """All that is sent.

    Attributes:
        questions: the load first, then what else is answered, then what is refused.
        notes: what is not sent, and why, in words.
        sizes: bytes of an answer, by workload that gives it, where it was measured.
    """

    questions: tuple[Question, ...]
    notes: tuple[str, ...] = ()
    sizes: Mapping[WorkloadRef, int] = {}


class _Measured(NamedTuple):
    """Calls of one workload to one service."""

    rate: float | None
    size: float | None


def traffic(before: MeshIndex, after: MeshIndex, graph: CallGraph, rate: float) -> Traffic:
    """What to send.

    Args:
        before: the mesh as it is.
        after: as it is to become.
        graph: who calls whom; everybody calls everybody where it knows nothing.
        rate: requests a second of all calls that are known, together.
    """
    calls = dict(_calls(graph))
    payloads = Payloads(before, after)
    allowed, refused, undecided = _judged(before, payloads, calls)
    known = [each for each in allowed if each.called]
    load = list(_one_each(known or allowed))
    beside = [each for each in known if each not in load] + [
        each for each in _one_of_a_kind(allowed) if known and not each.called
    ]
    kept = (load[:MOST], _spread(beside)[:MOST], _spread(refused)[:MOST])
    questions = (*_weighed(kept[0], calls, rate), *_probed(kept[1]), *_probed(kept[2]))
    left = sum(len(each) - min(len(each), MOST) for each in (load, beside, refused))
    return Traffic(questions, tuple(_notes(left, undecided, payloads)), _sizes(before, calls))


def _judged(
    before: MeshIndex, payloads: Payloads, calls: Mapping[tuple[WorkloadRef, _Name], _Measured]
) -> tuple[list[Question], list[Question], int]:
    allowed: list[Question] = []
    refused: list[Question] = []
    undecided = 0
    for question in _questions(before, payloads):
        decision = verdict_of(before, question)
        called = (question.client, question.service) in calls
        if decision.verdict is Verdict.ALLOW:
            allowed.append(structs.replace(question, called=called, servers=_servers(decision)))
        elif decision.verdict is Verdict.DENY:
            refused.append(structs.replace(question, called=called, allowed=False))
        else:
            undecided += 1
    return allowed, refused, undecided


def verdict_of(index: MeshIndex, question: Question) -> Decision:
    """What becomes of a question in a mesh."""
    return decide(index, Request(WorkloadClient(question.client), question.host, question.port, question.payload))


def _servers(decision: Decision) -> frozenset[WorkloadRef]:
    """Who may answer; nobody in particular where that is not known of every way."""
    found = [each.destination for each in decision.branches if each.verdict is Verdict.ALLOW]
    return frozenset(each for each in found if each is not None) if None not in found else frozenset()


def _questions(index: MeshIndex, payloads: Payloads) -> Iterator[Question]:
    clients = _clients(index)
    for service in _services(index):
        at = payloads.at(service)
        for client, port in product(clients, sorted(at)):
            for each in at[port]:
                yield _question(client, service, port, each)


def _clients(index: MeshIndex) -> list[WorkloadRef]:
    """Controllers whose pods run programs; a proxy that stands alone forwards, and asks for nothing by itself."""
    found = (
        WorkloadRef(each.meta.namespace, kind.name, each.meta.name)
        for kind in CONTROLLERS
        if kind.name in _RUNS
        for each in index.mesh.of(kind)
    )
    proxies = (Mode.GATEWAY, Mode.WAYPOINT)
    return sorted(ref for ref in found if all(each.mode not in proxies for each in index.workloads.get(ref, ())))


def _question(client: WorkloadRef, service: Service, port: int, payload: Payload) -> Question:
    key = (service.namespace, service.name)
    return Question(client, key, port, payload.manner, payload.method, payload.path, payload.headers, payload.carried)


def _services(index: MeshIndex) -> list[Service]:
    """Kubernetes Services that select pods."""
    return [each for _, each in sorted(index.services.by_host.items()) if each.selector]


def _one_each(allowed: Iterable[Question]) -> Iterator[Question]:
    """The plainest request of each client for each port."""
    seen: set[object] = set()
    for each in allowed:
        key = (each.client, each.service, each.port)
        if key not in seen:
            seen.add(key)
            yield each


def _one_of_a_kind(allowed: Iterable[Question]) -> Iterator[Question]:
    """One request of each kind for each port, whoever may ask: others like it are answered likewise."""
    seen: set[object] = set()
    for each in allowed:
        key = (each.service, each.port, each.manner, each.method, each.path, each.headers, each.carried)
        if key not in seen and each.client not in each.servers:
            seen.add(key)
            yield each


def _spread(questions: Iterable[Question]) -> list[Question]:
    """The first of each client and port before the second of any."""
    turns: dict[object, int] = {}
    ranked = []
    for each in questions:
        key = (each.client, each.service, each.port)
        turns[key] = turns.get(key, -1) + 1
        ranked.append((turns[key], each.name, each))
    return [each for _, _, each in sorted(ranked, key=lambda row: row[:2])]


def _weighed(
    load: list[Question], calls: Mapping[tuple[WorkloadRef, _Name], _Measured], rate: float
) -> Iterator[Question]:
    """The load, shared as it was measured; what was not has an even share."""
    measured = [calls[key].rate if (key := (each.client, each.service)) in calls else None for each in load]
    known = [each for each in measured if each]
    even = sum(known) / len(known) if known else 1.0
    weights = [each or even for each in measured]
    weights = [max(each, _SMALLEST * sum(weights)) for each in weights]
    for question, weight in zip(load, weights, strict=True):
        yield structs.replace(question, rate=rate * weight / sum(weights), uses=_USES)


def _probed(questions: list[Question]) -> Iterator[Question]:
    rate = min(1.0, _PROBES / max(len(questions), 1))
    return (structs.replace(each, rate=rate) for each in questions)


def _sizes(index: MeshIndex, calls: Mapping[tuple[WorkloadRef, _Name], _Measured]) -> dict[WorkloadRef, int]:
    found: dict[WorkloadRef, int] = {}
    by_name = {(each.namespace, each.name): each for each in _services(index)}
    for (_, service), measured in calls.items():
        for pods in index.behind(by_name[service]) if service in by_name and measured.size else ():
            size = min(int(measured.size or 0), _LARGEST)
            found[pods.workload] = max(found.get(pods.workload, 0), size)
    return found


def _notes(left: int, undecided: int, payloads: Payloads) -> Iterator[str]:
    for count, what in (
        (left, "kinds of requests more than are sent"),
        (undecided, "kinds of requests of which it is not known what becomes of them"),
        (
            payloads.left_out,
            "kinds of requests that a lab does not send: to another host, by methods or with tokens of nobody",
        ),
        (payloads.undecidable, "ports at which no finite choice of requests stands for all"),
    ):
        if count:
            yield f"{count:,} {what}"


def _calls(graph: CallGraph) -> Iterator[tuple[tuple[WorkloadRef, _Name], _Measured]]:
    for edge in graph.edges:
        caller, rate, size = edge.source.workload, edge.requests_per_second, edge.bytes_per_second
        if caller is not None and edge.target.service:
            each = size / rate if size is not None and rate else None
            often = rate if rate is not None else edge.connections_per_second
            yield (caller, (edge.target.service_namespace, edge.target.service)), _Measured(often, each)
