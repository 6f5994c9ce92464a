"""Counterexamples as requests again, by the arguments that they are shown with."""

from typing import Any

from tests.support.scenes import OutsideClient

from sidestep.explain.clients import THEN
from sidestep.model.metadata import WorkloadRef
from sidestep.prove.proof import Counterexample
from sidestep.semantics.authentication.tokens import Token, TokenState
from sidestep.semantics.requests import (
    Answers,
    Client,
    GatewayClient,
    Guise,
    Http,
    NodeClient,
    Request,
    SomebodyClient,
    Tcp,
    WorkloadClient,
)


def request_of(example: Counterexample) -> Request:
    """The request of a counterexample."""
    told: dict[str, list[str]] = {}
    words = iter(example.command)
    for name in words:
        told.setdefault(name, []).append("" if name in _FLAGS else next(words))
    payload: Http | Tcp = _bytes(told) if "--tcp" in told else _http(told)
    answers = Answers(told["--authorizer"][0]) if "--authorizer" in told else Answers.UNSTATED
    return Request(_client(told["--client"][0]), told["--to"][0], int(told["--port"][0]), payload, answers)


_FLAGS = ("--tcp", "--server-first", "--grpc")


def _client(text: str) -> Client:
    word, _, rest = text.partition(":")
    kind = word.rpartition(THEN)[2]  # as what he comes in the second mesh
    match kind:
        case "ambient" | "sidecar" | "old-sidecar":
            names, _, address = rest.partition("@")
            return SomebodyClient(*names.split("/"), Guise(kind), address)
        case "outside":
            return OutsideClient(rest)
        case "node":
            return NodeClient(rest)
        case "gateway":
            return GatewayClient(*rest.split("/"))
    return WorkloadClient(WorkloadRef(*text.split("/")))


def _bytes(told: dict[str, list[str]]) -> Tcp:
    return Tcp(server_first="--server-first" in told, sni=told.get("--sni", [""])[0])


def _http(told: dict[str, list[str]]) -> Http:
    headers = dict(each.split(": ", 1) for each in told.get("--header", ()))
    claims: dict[str, Any] = {}
    for each in told.get("--claim", ()):
        name, _, value = each.partition("=")
        *outer, last = name.replace("]", "").split("[")
        at = claims
        for part in outer:
            at = at.setdefault(part, {})
        at[last] = value if last not in at else [*(at[last] if isinstance(at[last], list) else [at[last]]), value]
    token = Token(TokenState(told["--token"][0]), claims, placed=True) if "--token" in told else Token()
    host = told.get("--host", [""])[0]
    return Http(told["--method"][0], told["--path"][0], host, headers, token, grpc="--grpc" in told)
