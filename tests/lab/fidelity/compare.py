"""What `decide` says of a question, as a set of things that may be seen; and whether one of them was.

`decide` knows neither readiness nor who listens where, so both are told here: of the pods that it names, those that are
ready answer, and only at ports where something listens.
"""

from msgspec import Struct
from tests.lab.fidelity.meshes import ADMIN, GREETS, HTTP, Question
from tests.lab.fidelity.observe import Answer, Seen, addresses_of

from sidestep.lab.cluster.pods import is_captured, is_ready, node_of
from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Branch, Verdict
from sidestep.semantics.hops.targets import resolve
from sidestep.semantics.requests import Client, Http, NodeClient, Request, Tcp, WorkloadClient
from sidestep.semantics.service_index import Service

REFUSED = ""
_LISTENING = (HTTP, ADMIN, GREETS)
_NEAR, _FAR = "from the pod's own node", "from another node"
_PROBE = {4: "169.254.7.127", 6: "fd16:9254:7127:1337:ffff:ffff:ffff:ffff"}


class Expected(Struct, frozen=True):
    """What may be seen.

    Attributes:
        answers: pods, and `REFUSED`; each of them is to be seen sometime, where `every` is set.
        unknown: why it cannot be told; nothing is compared then.
        every: whether chance alone decides between them.
    """

    answers: frozenset[str] = frozenset()
    unknown: str = ""
    every: bool = True


def expected(seen: Seen, question: Question) -> Expected:
    """What `decide` says."""
    client = _client(seen, question)
    if client is None:
        return Expected(unknown="no such client runs")
    host = seen.address(question.to)
    if (
        isinstance(client, WorkloadClient)
        and seen.owner(host) == seen.client(question.client)
        and _replicas(seen, client)
    ):
        return Expected(unknown="one of several pods dials itself, and is taken to dial another")
    told = decide(
        seen.index, Request(client, host, question.port, Tcp(server_first=True) if question.first else Http())
    )
    unsure = [each.decider for each in told.branches if each.verdict is Verdict.UNKNOWN]
    if unsure:
        return Expected(unknown="; ".join(each.reason if each else "" for each in unsure))
    found = frozenset(answer for each in told.branches for answer in _answers(seen, question, host, each))
    service = headless(seen, host, question)
    itself = _itself(seen, question, client, service or _written(seen, host, question))
    return Expected((found or frozenset({REFUSED})) | itself, every=service is None and not itself)


def differs(seen: Seen, question: Question, awaited: Expected, answer: Answer) -> str:
    """In which way an answer is not what was expected; empty where it is."""
    if answer.pod not in awaited.answers:
        return f"expected {_words(awaited.answers)}, and {answer.pod or f'it failed ({answer.kind})'} answered"
    if not answer.peer:
        return ""
    wanted = _source(seen, question, answer)
    return "" if answer.peer in wanted else f"the server saw {answer.peer}, not {' or '.join(wanted)}"


def _client(seen: Seen, question: Question) -> Client | None:
    if question.client.startswith("node:"):
        version = 6 if ":" in seen.address(question.to) else 4
        return NodeClient(_of(version, seen.nodes[question.client.removeprefix("node:")])[0])
    return pod_client(seen, question)


def pod_client(seen: Seen, question: Question) -> WorkloadClient | None:
    """The workload, and which of its kinds of pods, that a question is asked by; None where there is no such pod."""
    pod = seen.client(question.client)
    for ref, groups in seen.index.workloads.items():
        for each in groups:
            if pod and addresses_of(seen.pods[pod])[0] in each.addresses:
                return WorkloadClient(ref, each.place)
    return None


def _replicas(seen: Seen, client: WorkloadClient) -> bool:
    return any(len(each.addresses) > 1 for each in seen.index.workloads[client.ref] if each.place == client.group)


def _answers(seen: Seen, question: Question, host: str, branch: Branch) -> set[str]:
    """What may be seen when it goes one of the ways."""
    if branch.destination is None:
        return {REFUSED}
    port = branch.path[-1].port
    found = set()
    for name in _pods(seen, branch.destination, branch.group, host):
        if question.client.startswith("node:") and branch.condition:
            near = node_of(seen.pods[name]) == question.client.removeprefix("node:")
            if near is not branch.condition.startswith(_NEAR):
                continue
        found.add(name if branch.verdict is Verdict.ALLOW and port in _LISTENING else REFUSED)
    return found


def _pods(seen: Seen, workload: WorkloadRef, group: int, host: str) -> list[str]:
    """The pod that was dialled, or those of a group that are ready."""
    dialled = seen.owner(host)
    if dialled:
        return [dialled]
    (pods,) = (each for each in seen.index.workloads[workload] if each.place == group)
    return [name for name, pod in seen.pods.items() if addresses_of(pod)[0] in pods.addresses and is_ready(pod)]


def headless(seen: Seen, host: str, question: Question) -> Service | None:
    """The headless Service of a name; its client takes the first address that DNS answers."""
    name, space = (*host.split("."), "")[:2]
    wanted = name, space or question.client.partition("/")[0]
    every = (each for each in seen.index.services.services if each.headless)
    return next((each for each in every if (each.name, each.namespace) == wanted), None)


def _written(seen: Seen, host: str, question: Question) -> Service | None:
    """The Service that is dialled, where its endpoints were written down."""
    namespace = question.client.partition("/")[0]
    found = resolve(seen.index, host, namespace)
    return found if isinstance(found, Service) and found.named else None


def _itself(seen: Seen, question: Question, client: Client, service: Service | None) -> frozenset[str]:
    """The client's own pod, where a headless name or a written address may lead one of several alike to itself.

    `decide` takes it to dial another (see `to_itself`); what it sends to itself nobody captures. Others gain nothing.
    """
    if service is None or not isinstance(client, WorkloadClient) or not _replicas(seen, client):
        return frozenset()
    behind = any(each.workload == client.ref and each.place == client.group for each in seen.index.behind(service))
    own = addresses_of(seen.pods[seen.client(question.client)])
    behind = behind or any(each.address in own for each in service.named or ())
    return frozenset({seen.client(question.client)} if behind else ())


def _source(seen: Seen, question: Question, answer: Answer) -> tuple[str, ...]:
    """The addresses from which a server may see the client: its own, always."""
    version = 6 if ":" in answer.peer else 4
    if question.client.startswith("node:"):
        return (*_of(version, seen.nodes[question.client.removeprefix("node:")]), _PROBE[version])
    client = seen.pods[seen.client(question.client)]
    own = _of(version, addresses_of(client))
    # kube-proxy sends a pod back to itself from the node's address, lest it answers itself directly.
    hairpin = answer.pod == seen.client(question.client) and not is_captured(client)
    return (*own, *_of(version, seen.nodes[node_of(client)])) if hairpin else own


def _of(version: int, addresses: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in addresses if (":" in each) is (version == 6))


def _words(answers: frozenset[str]) -> str:
    return " or ".join(sorted(each or "a refusal" for each in answers))
