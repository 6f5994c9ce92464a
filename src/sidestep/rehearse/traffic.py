"""What is sent while a plan is carried out: what is answered today, and what is refused today and must stay refused.

Who may call whom is decided by `semantics.decide` on the mesh as it is. A request stands for others like it: methods
and paths are those that policies of the mesh tell apart.
"""

from collections.abc import Iterable, Iterator
from itertools import product

from msgspec import Struct

from sidestep.lab.api import messages as api
from sidestep.model.call_graph import CallGraph
from sidestep.model.kinds import AUTHORIZATION_POLICY, CONTROLLERS
from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Verdict
from sidestep.semantics.index import MeshIndex
from sidestep.semantics.loose import as_dict, as_dicts, as_strings
from sidestep.semantics.protocols import Declared
from sidestep.semantics.requests import Http, Request, Tcp, WorkloadClient
from sidestep.semantics.service_index import Service

MOST_ALLOWED, MOST_REFUSED = 60, 60
_REFUSED_RATE = 1.0
"""Requests a second of each that must be refused."""
_MOST_TEXTS = 4
_RUNS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})


class Question(Struct, frozen=True):
    """A request that is sent again and again.

    Attributes:
        client: who sends it.
        service: namespace and name of whom.
        port: that is dialled.
        method: of HTTP; empty for bytes.
        path: of HTTP.
        allowed: it is answered today; else it is refused.
        called: the call graph knows it.
        rate: requests a second.
    """

    client: WorkloadRef
    service: tuple[str, str]
    port: int
    method: str = ""
    path: str = ""
    allowed: bool = True
    called: bool = False
    rate: float = _REFUSED_RATE

    @property
    def name(self) -> str:
        """In words, and unlike that of any other."""
        namespace, service = self.service
        what = f"{self.method} {self.path}" if self.method else "bytes"
        return f"{self.client.namespace}/{self.client.name} to {namespace}/{service}:{self.port}, {what}"

    def edge(self) -> api.Edge:
        """As the lab sends it."""
        namespace, service = self.service
        host = f"{service}.{namespace}.svc.cluster.local:{self.port}"
        url = f"http://{host}{self.path}" if self.method else f"tcp://{host}"
        sender = f"{self.client.namespace}/{self.client.kind}/{self.client.name}"
        return api.Edge(self.name, sender, url, self.rate, self.method or "GET", timeout=3.0, connections=2)


class Traffic(Struct, frozen=True):
    """All that is sent.

    Attributes:
        questions: allowed ones first.
        left_out: how many more there would be.
        undecided: of how many it cannot be told what becomes of them.
    """

    questions: tuple[Question, ...]
    left_out: int = 0
    undecided: int = 0


def traffic(mesh: Mesh, graph: CallGraph, rate: float) -> Traffic:
    """What to send.

    Args:
        mesh: as it is.
        graph: who calls whom; everybody calls everybody where it knows nothing.
        rate: requests a second of all that are answered, together.
    """
    index = MeshIndex.of(mesh)
    calls = frozenset(_calls(graph))
    allowed: list[Question] = []
    refused: list[Question] = []
    undecided = 0
    for question in _questions(index, mesh, calls):
        verdict = _verdict(index, question)
        if verdict is Verdict.ALLOW:
            allowed.append(question)
        elif verdict is Verdict.DENY:
            refused.append(question)
        else:
            undecided += 1
    first = sorted(_one_each(allowed), key=lambda each: (not each.called, each.name))
    kept = [each for each in first if each.called] or first
    kept = kept[:MOST_ALLOWED]
    share = rate / max(len(kept), 1)
    sent = [_with(each, allowed=True, rate=share) for each in kept]
    must_not = [_with(each, allowed=False, rate=_REFUSED_RATE) for each in _spread(refused)[:MOST_REFUSED]]
    return Traffic((*sent, *must_not), len(first) + len(refused) - len(sent) - len(must_not), undecided)


def _with(question: Question, *, allowed: bool, rate: float) -> Question:
    return Question(
        question.client, question.service, question.port, question.method, question.path, allowed, question.called, rate
    )


def _questions(
    index: MeshIndex, mesh: Mesh, calls: frozenset[tuple[WorkloadRef, tuple[str, str]]]
) -> Iterator[Question]:
    kinds = [kind for kind in CONTROLLERS if kind.name in _RUNS]
    clients = [WorkloadRef(each.meta.namespace, kind.name, each.meta.name) for kind in kinds for each in mesh.of(kind)]
    methods, paths = _texts(mesh)
    for client, service in product(sorted(clients), _services(index)):
        key = (service.namespace, service.name)
        for port in service.ports:
            called = (client, key) in calls
            if port.protocol is Declared.TCP:
                yield Question(client, key, port.number, called=called)
                continue
            for method, path in product(methods, paths):
                yield Question(client, key, port.number, method, path, called=called)


def _services(index: MeshIndex) -> list[Service]:
    """Kubernetes Services that select pods."""
    return [each for _, each in sorted(index.services.by_host.items()) if each.selector]


def _texts(mesh: Mesh) -> tuple[list[str], list[str]]:
    """Methods and paths that policies tell apart, the usual ones first."""
    methods, paths = {"GET": None}, {"/": None}
    for policy in mesh.of(AUTHORIZATION_POLICY):
        for rule in as_dicts(as_dict(policy.tree().get("spec")).get("rules")):
            for row in as_dicts(rule.get("to")):
                operation = as_dict(row.get("operation"))
                for name in ("methods", "notMethods"):
                    methods |= dict.fromkeys(as_strings(operation.get(name)))
                for name in ("paths", "notPaths"):
                    paths |= dict.fromkeys(each.replace("*", "x") for each in as_strings(operation.get(name)))
    plain = [each for each in paths if each.startswith("/") and "{" not in each]
    return [each for each in methods if each.isalpha()][:_MOST_TEXTS], plain[:_MOST_TEXTS]


def _verdict(index: MeshIndex, question: Question) -> Verdict:
    namespace, name = question.service
    payload = Http(question.method, question.path) if question.method else Tcp()
    host = f"{name}.{namespace}.svc.cluster.local"
    return decide(index, Request(WorkloadClient(question.client), host, question.port, payload)).verdict


def _one_each(allowed: Iterable[Question]) -> list[Question]:
    """One request of each client for each port: others like it would be answered likewise."""
    found: dict[tuple[WorkloadRef, tuple[str, str], int], Question] = {}
    for each in allowed:
        found.setdefault((each.client, each.service, each.port), each)
    return list(found.values())


def _spread(refused: Iterable[Question]) -> list[Question]:
    """The first of each client and port before the second of any."""
    turns: dict[tuple[WorkloadRef, tuple[str, str], int], int] = {}
    ranked = []
    for each in refused:
        key = (each.client, each.service, each.port)
        turns[key] = turns.get(key, -1) + 1
        ranked.append((turns[key], each.name, each))
    return [each for _, _, each in sorted(ranked, key=lambda row: row[:2])]


def _calls(graph: CallGraph) -> Iterator[tuple[WorkloadRef, tuple[str, str]]]:
    for edge in graph.edges:
        caller = edge.source.workload
        if caller is not None and edge.target.service:
            yield caller, (edge.target.service_namespace, edge.target.service)
