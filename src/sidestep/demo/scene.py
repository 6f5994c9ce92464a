"""What a scene is: two meshes of the same workloads, and the request that tells them apart."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from sidestep.semantics.authentication.tokens import TokenState
from sidestep.semantics.requests import Answers

Object = dict[str, Any]
_TOKENS = {
    TokenState.VALID: "a good token",
    TokenState.EXPIRED: "an expired token",
    TokenState.INVALID: "a forged token",
}


class Question(Struct, frozen=True):
    """A request that tells.

    Texts may name what only a running lab knows: `{web}` is the address of pod `shop/web`, `{vip cart}` that of a
    Service.

    Attributes:
        client: the workload that asks, `namespace/name`; or `gateway:namespace/name`, through which comes who is
            outside.
        host: that is dialled.
        port: likewise.
        method: of HTTP.
        path: of HTTP.
        authority: Host header; empty for what is dialled.
        headers: of HTTP.
        token: what it carries.
        claims: of the token.
        authorizer: what external authorizers will say.
        first: bytes instead of HTTP, of a server that speaks first.
        kept: a connection of bytes, which is kept open.
        times: how often it is asked: where chance has a part in what becomes of it.
    """

    client: str = "shop/web"
    host: str = "cart"
    port: int = 80
    method: str = "GET"
    path: str = "/"
    authority: str = ""
    headers: Mapping[str, str] = {}
    token: TokenState = TokenState.NONE
    claims: Mapping[str, str] = {}
    authorizer: Answers = Answers.UNSTATED
    first: bool = False
    kept: bool = False
    times: int = 1

    @property
    def words(self) -> str:
        """For people."""
        if self.first:
            return f"{self.client} opens a connection to {self.host}:{self.port} and waits for the server to speak"
        if self.kept:
            return f"{self.client} keeps a connection to {self.host}:{self.port} open"
        more = [f"Host: {self.authority}"] if self.authority else []
        more += [f"{name}: {value}" for name, value in self.headers.items()]
        more += [_TOKENS[self.token]] if self.token in _TOKENS else []
        more += [f"{self.times} times"] if self.times > 1 else []
        told = f" ({', '.join(more)})" if more else ""
        return f"{self.client} sends {self.method} {self.path} to {self.host}:{self.port}{told}"


class Scene(Struct, frozen=True):
    """One difference, shown.

    Attributes:
        code: of the difference.
        name: in a few words.
        sidecars: objects of the mesh with sidecars.
        ambient: objects of the mesh in ambient.
        question: asked in both.
        then: what comes while the connection of the question is open: what tells is whether it goes on.
        settings: of the lab, where it must be another one than usual.
        retries: what tells is whether failures were tried again, and not who was let in.
        sticks: what tells is whether the same pod answers each time.
        secured: what tells is whether TLS arrives, at a server that takes nothing else.
    """

    code: str
    name: str
    sidecars: tuple[Object, ...]
    ambient: tuple[Object, ...]
    question: Question = Question()
    then: tuple[Object, ...] = ()
    settings: Mapping[str, Any] = {}
    retries: bool = False
    sticks: bool = False
    secured: bool = False
