"""A request that is sent again and again while a plan is carried out."""

from enum import StrEnum

import msgspec
from msgspec import Struct

from sidestep.lab.api import messages as api
from sidestep.model.metadata import WorkloadRef
from sidestep.semantics.authentication.tokens import Token, TokenState
from sidestep.semantics.requests import Http, Tcp

_TIMEOUT = 10.0
"""Seconds: on a machine that does other things, too, an answer may be late, and is no less an answer."""

_AT_A_TIME = 8
"""Requests of a pod on their way: it must not be what makes others wait."""


class Manner(StrEnum):
    """How it is asked."""

    HTTP = "http"
    GRPC = "grpc"
    TCP = "tcp"
    GREETED = "tcp-first"
    """By bytes, once the server has said something."""


_READ = (Manner.HTTP, Manner.GRPC)


class Carried(Struct, frozen=True, order=True):
    """A token that a request carries.

    Attributes:
        state: whether it holds.
        claims: as JSON, in the order of their names.
    """

    state: TokenState = TokenState.NONE
    claims: str = "{}"

    @classmethod
    def of(cls, token: Token) -> "Carried":
        """As `semantics.decide` has it."""
        return cls(token.state, msgspec.json.encode(token.claims, order="sorted").decode())

    @property
    def token(self) -> Token:
        """As `semantics.decide` has it."""
        return Token(self.state, msgspec.json.decode(self.claims))


class Question(Struct, frozen=True):
    """A request that is sent again and again.

    Attributes:
        client: who sends it.
        service: namespace and name of whom.
        port: that is dialled.
        manner: how it is asked.
        method: of HTTP.
        path: of HTTP.
        headers: of HTTP.
        carried: the token of HTTP.
        allowed: it is answered today; else it is refused.
        called: the call graph knows it.
        rate: requests a second.
        servers: workloads that may answer it.
        uses: requests for which a connection is kept. Steps bear on new connections and on old ones, so there are both.
        bearer: the token as it is sent.
    """

    client: WorkloadRef
    service: tuple[str, str]
    port: int
    manner: Manner = Manner.TCP
    method: str = ""
    path: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    carried: Carried = Carried()
    allowed: bool = True
    called: bool = False
    rate: float = 1.0
    servers: frozenset[WorkloadRef] = frozenset()
    uses: int = 2
    bearer: str = ""

    @property
    def name(self) -> str:
        """In words, and unlike that of any other."""
        namespace, service = self.service
        return f"{self.client.namespace}/{self.client.name} to {namespace}/{service}:{self.port}, {self._what}"

    @property
    def _what(self) -> str:
        match self.manner:
            case Manner.TCP | Manner.GREETED:
                return "bytes"
            case Manner.HTTP | Manner.GRPC:
                marked = "".join(f", {name}: {value}" for name, value in self.headers)
                call = "gRPC " if self.manner is Manner.GRPC else ""
                carried = self.carried
                token = f", {carried.state} token {carried.claims}" if carried.state is not TokenState.NONE else ""
                return f"{call}{self.method} {self.path}{marked}{token}"

    @property
    def host(self) -> str:
        """The name that is dialled."""
        namespace, service = self.service
        return f"{service}.{namespace}.svc.cluster.local"

    @property
    def payload(self) -> Http | Tcp:
        """As `semantics.decide` judges it."""
        if self.manner in _READ:
            grpc = self.manner is Manner.GRPC
            return Http(self.method, self.path, headers=dict(self.headers), token=self.carried.token, grpc=grpc)
        return Tcp(server_first=self.manner is Manner.GREETED)

    def edge(self) -> api.Edge:
        """As the lab sends it."""
        http = self.manner in _READ
        url = f"{self.manner.value}://{self.host}.:{self.port}{self.path if http else ''}"
        sender = f"{self.client.namespace}/{self.client.kind}/{self.client.name}"
        method = self.method if self.manner is Manner.HTTP else "GET"
        headers = {**dict(self.headers), **({"authorization": f"Bearer {self.bearer}"} if self.bearer else {})}
        return api.Edge(
            self.name, sender, url, self.rate, method, headers, timeout=_TIMEOUT, connections=_AT_A_TIME,
            expect=[f"{ref.namespace}/{ref.name}" for ref in sorted(self.servers)] if http else [], uses=self.uses,
        )  # fmt: skip
