"""A question as people ask it: nothing of it is checked yet."""

from msgspec import Struct

from sidestep.semantics.requests import Answers


class Question(Struct, frozen=True):
    """What happens to this request? Texts are as they were written.

    Attributes:
        client: who sends it.
        to: what is dialled.
        port: where it is not part of `to`.
        method: of HTTP; empty for GET, of gRPC POST.
        path: with query; empty for that of the URL, or `/`.
        headers: `name: value`.
        claims: `name=value`, of the token.
        token: none, valid, invalid or expired; empty for valid where there are claims, else none.
        host: the Host header where it is not what is dialled.
        grpc: whether it is gRPC.
        tcp: bytes that are no HTTP.
        server_first: TCP of which the server sends the first bytes.
        sni: TLS of the client's own, to this server name.
        authorizer: what external authorizers would say.
    """

    client: str
    to: str
    port: int | None = None
    method: str = ""
    path: str = ""
    headers: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    token: str = ""
    host: str = ""
    grpc: bool = False
    tcp: bool = False
    server_first: bool = False
    sni: str = ""
    authorizer: Answers = Answers.UNSTATED
