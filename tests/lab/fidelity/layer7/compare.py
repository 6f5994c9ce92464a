"""What `decide` says of a request, as the ways that it may take, and whether an answer is the end of one of them."""

import re
from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace
from tests.lab.fidelity.compare import Expected, headless, pod_client
from tests.lab.fidelity.layer7.population import ADMIN, ADMITTED, EDGE, GATEWAY, GRPC, HTTP
from tests.lab.fidelity.meshes import Question, Sent
from tests.lab.fidelity.observe import FRONT, Answer, Seen, addresses_of
from tests.lab.fidelity.tokens import TOKENS

from sidestep.lab.cluster.pods import is_ready
from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.authentication.tokens import Token
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Branch, Decision, Shape, Verdict
from sidestep.semantics.requests import Answers, GatewayClient, Http, Request
from sidestep.semantics.routing.route import Route, RouteSource

REFUSED = ""
_BROKEN, _DEAF = -1, -2
"""The code of a connection that ends without an answer; of one to a port where nobody listens, which a proxy may answer."""
_RETRIED = 503
_LISTENING = (HTTP, ADMIN, GRPC)
_STATUS = {
    Shape.UNAUTHORIZED: 401, Shape.FORBIDDEN: 403, Shape.NOT_FOUND: 404, Shape.ERROR: 500, Shape.BAD_GATEWAY: 502,
    Shape.UNAVAILABLE: 503,
}  # fmt: skip
_CUT = frozenset({"reset", "closed", "refused", "unreachable", "name", "protocol", "tls"})
_GRPC = {401: 16, 403: 7, 404: 12, 500: 2, 502: 14, 503: 14}
"""Envoy's answers, as gRPC says them."""
_ABORT = re.compile(r"abort with (\d+) for 100%")
_TOLD = ("x-user", "x-team", "x-more", "x-edit", "x-claim", "x-forwarded-client-cert")
"""Headers that are compared."""
_UNTOLD = re.compile(r'(;Hash=[0-9a-f]+|;Subject="[^"]*")')


class Way(Struct, frozen=True):
    """How a request may end.

    Attributes:
        pods: any of which answers; none where a proxy does, or nobody.
        code: of the answer; below 0 where the connection ends without.
        http: what the pod is sent; None where that is not read.
        location: where a redirect leads.
        edits: of the answer's headers, in words.
    """

    pods: frozenset[str] = frozenset()
    code: int = 200
    http: Http | None = None
    location: str = ""
    edits: tuple[str, ...] = ()


class Ways(Expected, frozen=True):
    """What may be seen, with what goes with it."""

    ways: tuple[Way, ...] = ()


def expected(seen: Seen, question: Question) -> Expected:
    """What `decide` says."""
    assert question.sent is not None
    client = pod_client(seen, question)
    if client is None:
        return Expected(unknown="no such client runs")
    host, sent = seen.address(question.to), question.sent
    authority = sent.authority(host, question.port)
    http = Http(sent.method, sent.path, authority, dict(sent.headers), _token(sent), sent.grpc)
    answers = Answers.ALLOWS if ADMITTED in sent.headers else Answers.DENIES
    if not sent.gateway:
        return _ways(seen, question, decide(seen.index, Request(client, host, question.port, http, answers)))
    entry = decide(seen.index, Request(client, FRONT, question.port, http, answers))
    if entry.verdict is not Verdict.ALLOW:
        return _ways(seen, question, entry)
    onward = replace(http, headers={**http.headers, "x-forwarded-for": _address(seen, question)})
    front = GatewayClient(EDGE, GATEWAY)
    return _ways(seen, question, decide(seen.index, Request(front, host, question.port, onward, answers)))


def differs(seen: Seen, question: Question, awaited: Expected, answer: Answer) -> str:
    """In which way an answer is the end of none of the ways."""
    assert isinstance(awaited, Ways)
    assert question.sent is not None
    found = [_unlike(question.sent, way, answer) for way in awaited.ways]
    return "" if not all(found) else f"expected {' or '.join(dict.fromkeys(found))}"


def _ways(seen: Seen, question: Question, told: Decision) -> Expected:
    unsure = [each.decider for each in told.branches if each.verdict is Verdict.UNKNOWN]
    if unsure:
        return Expected(unknown="; ".join(dict.fromkeys(each.reason if each else "" for each in unsure)))
    if any(each.shape is Shape.HANG for each in told.branches):
        return Expected(unknown="it hangs, for which nobody waits")
    assert question.sent is not None
    if not question.sent.grpc and any(each.destination and each.path[-1].port == GRPC for each in told.branches):
        return Expected(unknown="it is led to a server that speaks gRPC alone")
    ways = tuple(_way(seen, each, question.sent) for each in told.branches)
    # Who is refused by one endpoint is sent to another, where requests are tried again.
    names = frozenset(pod for way in ways for pod in way.pods or ({REFUSED} if way.code != _RETRIED else ()))
    by_name = headless(seen, seen.address(question.to), question) is not None
    kept = any(each.route is not None and each.route.source is RouteSource.PASSTHROUGH for each in told.branches)
    return Ways(names, every=not (by_name or kept) and all(each.weight > 0 for each in told.branches), ways=ways)


def _way(seen: Seen, branch: Branch, sent: Sent) -> Way:
    route = branch.route
    aborted = _abort(route)
    if aborted:
        return Way(code=aborted, edits=_edits(route))
    if branch.verdict is not Verdict.ALLOW:
        return Way(code=_STATUS.get(branch.shape, _BROKEN))
    if branch.shape is Shape.ANSWERED:
        assert route is not None
        assert route.answer is not None
        return Way(code=route.answer.status, location=route.answer.location, edits=_edits(route))
    if branch.destination is None:
        return Way(code=_BROKEN)
    if branch.path[-1].port not in _LISTENING:
        return Way(code=_DEAF)
    return Way(_pods(seen, branch.destination, branch.group), 200, branch.delivered, edits=_edits(route))


def _abort(route: Route | None) -> int:
    found = _ABORT.search(" ".join(route.faults)) if route is not None else None
    return int(found[1]) if found else 0


def _edits(route: Route | None) -> tuple[str, ...]:
    return route.response_edits if route is not None else ()


def _unlike(sent: Sent, way: Way, answer: Answer) -> str:
    """In which way an answer is not a way's end."""
    wrong = _wrong_end(sent, way, answer)
    if wrong:
        return f"{wrong}, and it was {answer.pod or 'nobody'}: {answer.kind}"
    if way.location and ("location", way.location) not in answer.headers:
        return f"a redirect to {way.location}, and it was to {dict(answer.headers).get('location')}"
    lost = [each for each in way.edits if not sent.grpc and not _edited(each, answer)]
    if lost:
        return f"an answer with {'; '.join(lost)}, and it has {answer.headers}"
    return _wrong_request(way.http, answer) if way.http is not None and answer.told else ""


def _wrong_end(sent: Sent, way: Way, answer: Answer) -> str:
    if way.pods:
        good = answer.pod in way.pods and (sent.grpc or answer.code == 200)
        return "" if good else " or ".join(sorted(way.pods))
    if way.code < 0:
        cut = answer.kind in _CUT or (way.code == _DEAF and answer.code in (503, _GRPC[503]))
        return "" if cut and not answer.pod else "no answer"
    code = _GRPC.get(way.code, 2) if sent.grpc else way.code
    return "" if not answer.pod and answer.code == code else f"{code} of a proxy"


def _edited(words: str, answer: Answer) -> bool:
    verb, _, rest = words.partition(" ")
    name, _, value = rest.partition(": ")
    found = [each for key, each in answer.headers if key.lower() == name.lower()]
    return not found if verb == "remove" else value in found


def _wrong_request(http: Http, answer: Answer) -> str:
    """In which way the server was sent something else."""
    told = answer.told
    got = _folded(told["headers"])
    pairs = [("path", http.path, told["path"]), ("method", http.method, told["method"])]
    if http.authority:
        pairs.append(("host", http.authority, got.get("host", got.get(":authority", ""))))
    pairs += [(name, http.headers.get(name), got.get(name)) for name in _TOLD]
    return next((f"{name} {wanted!r}, and it was sent {has!r}" for name, wanted, has in pairs if wanted != has), "")


def _folded(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers with the values of a name joined, and of certificates what is compared."""
    found: dict[str, str] = {}
    for name, value in headers:
        key, told = name.lower(), _UNTOLD.sub("", value)
        found[key] = f"{found[key]},{told}" if key in found else told
    return found


def _token(sent: Sent) -> Token:
    return TOKENS[sent.token].token if sent.token else Token()


def _address(seen: Seen, question: Question) -> str:
    return addresses_of(seen.pods[seen.client(question.client)])[0]


def _pods(seen: Seen, workload: WorkloadRef, group: int) -> frozenset[str]:
    (pods,) = (each for each in seen.index.workloads[workload] if each.place == group)
    return frozenset(
        name for name, pod in seen.pods.items() if addresses_of(pod)[0] in pods.addresses and is_ready(pod)
    )
