"""One API server that is asked and written to: each request once, for who asks knows whether it may be asked again."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import msgspec
from msgspec import Struct

from sidestep.actions.worlds.cluster.refusals import Refusal, error_of, refusal
from sidestep.actions.worlds.interface import Tree
from sidestep.errors import TransportError
from sidestep.sources.cluster.access import Access
from sidestep.sources.cluster.client import connection, extensions

Params = tuple[tuple[str, str], ...]
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""An answer that is the object's metadata and nothing else."""
JSON, MERGE, APPLY = "application/json", "application/merge-patch+json", "application/apply-patch+yaml"
_PARALLEL = 16
_STARTS = 60.0
"""Seconds since it could not be asked in which a server may not know yet who may do what: roles are read by and by."""


class Ask(Struct, frozen=True):
    """A request.

    Attributes:
        method: of HTTP.
        path: of the API.
        params: of the query.
        body: what is sent, as JSON; None for nothing.
        form: in which it is to be understood.
        answer: in which form an answer is wanted.
    """

    method: str
    path: str
    params: Params = ()
    body: Any = None
    form: str = JSON
    answer: str = JSON


class Server:
    """One API server.

    Args:
        access: where and as whom.
        heard: told of every request before it is sent, for figures and for tests.
    """

    def __init__(self, access: Access, heard: Callable[[Ask], object] = lambda _: None) -> None:
        self.access = access
        self._heard = heard
        self._extensions = extensions(access)
        self._http = connection(access, _PARALLEL)
        self._ahead = timedelta()
        self._gone = float("-inf")

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def time(self) -> datetime:
        """The time as the server said it last, to a second; ours before it has said any."""
        return datetime.now(UTC) + self._ahead

    def ask(self, ask: Ask) -> Tree | Refusal:
        """The answer, or why there is none.

        Raises:
            TransportError: it cannot be told whether the server did as it was asked.
        """
        self._heard(ask)
        headers = {"Accept": ask.answer, **({"Content-Type": ask.form} if ask.body is not None else {})}
        content = msgspec.json.encode(ask.body) if ask.body is not None else None
        try:
            response = self._http.request(
                ask.method, ask.path, params=list(ask.params), content=content, headers=headers,
                extensions=self._extensions,
            )  # fmt: skip
        except httpx2.TransportError as error:
            self._gone = time.monotonic()
            told = str(error) or type(error).__name__
            raise TransportError(f"the API server cannot be asked: {told}", where=self.access.server) from error
        self._ahead = _date(response) - datetime.now(UTC)
        answer = _told(response, self.access.server)
        if isinstance(answer, Refusal) and answer.knows_nobody and time.monotonic() - self._gone < _STARTS:
            raise TransportError(f"the API server has only just come back: {answer.message}", where=self.access.server)
        return answer

    def demand(self, ask: Ask, where: str) -> Tree:
        """The answer.

        Args:
            ask: what.
            where: the object that it is about, for the error.

        Raises:
            TransportError: it cannot be told whether the server did as it was asked, or it is too busy.
            ConflictError: somebody else was faster, or owns a field.
            WorldError: the server refuses.
        """
        told = self.ask(ask)
        if isinstance(told, Refusal):
            raise error_of(told, where)
        return told


def _date(response: httpx2.Response) -> datetime:
    try:
        return parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return datetime.now(UTC)


def _told(response: httpx2.Response, where: str) -> Tree | Refusal:
    if not response.is_success:
        return refusal(response.status_code, response.content)
    try:
        return msgspec.json.decode(response.content, type=Tree)
    except msgspec.DecodeError as error:
        start = response.content[:60].decode(errors="replace").strip()
        raise TransportError(f"the answer is not what an API server sends ({start!r})", where=where) from error
