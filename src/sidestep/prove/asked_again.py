"""The arguments of `sidestep explain` that ask a request again."""

from collections.abc import Iterator

from sidestep.explain.clients import THEN
from sidestep.explain.words import each_claim, name_of_stranger
from sidestep.semantics.authentication.tokens import Token, TokenState
from sidestep.semantics.requests import (
    Answers,
    Client,
    Http,
    Request,
    SomebodyClient,
    Tcp,
    WorkloadClient,
)


def explain_arguments(request: Request, before: Client | None = None) -> tuple[str, ...]:
    """What to write after `sidestep explain`; of a workload in several states the first is asked.

    Args:
        request: as it is sent in the second mesh.
        before: who sends it in the first, where he may come otherwise there.
    """
    payload = _of_http(request) if isinstance(request.payload, Http) else _of_bytes(request.payload)
    answers = ("--authorizer", request.authorizer.value) if request.authorizer is not Answers.UNSTATED else ()
    head = ("--client", _client_argument(request.client, before), "--to", request.to, "--port", str(request.port))
    return (*head, *payload, *answers)


def asked_alone(arguments: tuple[str, ...]) -> tuple[str, ...]:
    """The same where only the second mesh is asked: whoever comes otherwise there comes as that."""
    option, client, *others = arguments
    return (option, client.rpartition(THEN)[2], *others)


def _client_argument(client: Client, before: Client | None) -> str:
    """A client as `--client` takes it."""
    match client:
        case WorkloadClient():
            return f"{client.ref.namespace}/{client.ref.kind}/{client.ref.name}"
        case SomebodyClient():
            earlier = before.guise if isinstance(before, SomebodyClient) else client.guise
            guises = dict.fromkeys((earlier.value, client.guise.value))
            told = f"{THEN.join(guises)}:{client.namespace}/{client.account}"
            return f"{told}@{client.address}" if client.address else told
        case _:
            return name_of_stranger(client)


def _of_bytes(payload: Tcp) -> Iterator[str]:
    yield "--tcp"
    if payload.server_first:
        yield "--server-first"
    if payload.sni:
        yield from ("--sni", payload.sni)


def _of_http(request: Request) -> Iterator[str]:
    http = request.payload
    if not isinstance(http, Http):
        return
    yield from ("--method", http.method, "--path", http.path)
    if http.authority not in ("", request.to):
        yield from ("--host", http.authority)
    for name, value in http.headers.items():
        yield from ("--header", f"{name}: {value}")
    if http.grpc:
        yield "--grpc"
    yield from _of_token(http.token)


def _of_token(token: Token) -> Iterator[str]:
    if token.state is TokenState.NONE:
        return
    yield from ("--token", token.state.value)
    for name, value in each_claim(token.claims):
        yield from ("--claim", f"{name}={value}")
