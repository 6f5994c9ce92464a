"""What a counterexample is about, in fields: who calls what, and what he sends."""

from typing import Any

from msgspec import Struct

from sidestep.explain.words import client_words, name_of_stranger
from sidestep.semantics.authentication.tokens import TokenState
from sidestep.semantics.requests import (
    Answers,
    Client,
    Request,
    SomebodyClient,
    Tcp,
    WorkloadClient,
)


class Subject(Struct, frozen=True, rename="camel"):
    """A request in fields; they are empty where it has none.

    Attributes:
        who: sends it, in words.
        client: who that is in scopes: `namespace/workload`, `someone:namespace/account`, `gateway:namespace/name`,
            `kubelet`, `outside` or `node`, the latter with an address where one is known.
        host: name or address dialled.
        port: dialled.
        method: of HTTP; empty for bytes that no proxy reads.
        path: of HTTP, without query.
        query: of HTTP, without its question mark.
        authority: the Host header, where it is another than the name that is dialled.
        headers: by lower-case name.
        token: valid, invalid or expired, where one is sent.
        claims: of that token.
        grpc: whether it is gRPC.
        server_name: of the application's own TLS.
        server_first: whether the server speaks first.
        authorizer: what external authorizers answer: allows or denies, where that counts.
    """

    who: str = ""
    client: str = ""
    host: str = ""
    port: int = 0
    method: str = ""
    path: str = ""
    query: str = ""
    authority: str = ""
    headers: dict[str, str] = {}
    token: str = ""
    claims: dict[str, Any] = {}
    grpc: bool = False
    server_name: str = ""
    server_first: bool = False
    authorizer: str = ""

    @classmethod
    def of(cls, request: Request) -> "Subject":
        """Of a request."""
        who, client = client_words(request.client), _client(request.client)
        sent = request.payload
        authorizer = "" if request.authorizer is Answers.UNSTATED else request.authorizer.value
        if isinstance(sent, Tcp):
            return cls(
                who, client, request.to, request.port, server_name=sent.sni, server_first=sent.server_first,
                authorizer=authorizer,
            )  # fmt: skip
        path, _, query = sent.path.partition("?")
        authority = "" if sent.authority == request.to else sent.authority
        token = "" if sent.token.state is TokenState.NONE else sent.token.state.value
        return cls(
            who, client, request.to, request.port, sent.method, path, query, authority, sent.headers, token,
            sent.token.claims, sent.grpc, authorizer=authorizer,
        )  # fmt: skip


def _client(client: Client) -> str:
    match client:
        case WorkloadClient():
            return f"{client.ref.namespace}/{client.ref.name}"
        case SomebodyClient():
            return f"someone:{client.namespace}/{client.account}"
        case _:
            return name_of_stranger(client)
