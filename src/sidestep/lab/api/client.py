"""A lab as verbs and tests see it: ask, and be answered."""

import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from sidestep.errors import TransportError, WorldError
from sidestep.lab.api.messages import Answer, Call, Request

_CREDENTIALS = struct.Struct("3i")
"""Process, user and group of whoever listens."""
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Answer).decode


class Client:
    """Speaks to the lab at a socket.

    Args:
        path: of the socket.
        timeout: seconds to wait for a line, beyond what a call itself may take.
    """

    def __init__(self, path: Path, timeout: float = 120.0) -> None:
        self._path, self._timeout = path, timeout

    def ask(self, request: Request) -> Any:
        """The result.

        Raises:
            WorldError: the lab refused, with its reason.
            TransportError: nobody answers.
        """
        for answer in self._answers(request):
            if answer.done:
                return answer.result
        raise TransportError("the lab hung up before it answered", where=os.fspath(self._path))

    def machine(self) -> int:
        """Process number of the lab's first process, as it is out here.

        Raises:
            TransportError: nobody answers.
        """
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.connect(os.fspath(self._path))
                found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        except OSError as error:
            raise TransportError("no lab is up here", where=os.fspath(self._path)) from error
        return int(_CREDENTIALS.unpack(found)[0])

    def events(self, request: Request) -> Iterator[Any]:
        """Events, one by one, until there are no more.

        Raises:
            WorldError: the lab refused, with its reason.
            TransportError: nobody answers.
        """
        for answer in self._answers(request):
            if answer.done:
                return
            yield answer.event
        raise TransportError("the lab hung up before it was done", where=os.fspath(self._path))

    def _answers(self, request: Request) -> Iterator[Answer]:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(self._patience(request))
                connection.connect(os.fspath(self._path))
                connection.sendall(_encode(request) + b"\n")
                with connection.makefile("rb") as lines:
                    yield from map(_heard, lines)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise TransportError(
                "no lab is up here", where=os.fspath(self._path), remedy="bring one up: sidestep lab up FILE"
            ) from error
        except TimeoutError as error:
            raise TransportError(
                f"the lab did not answer within {self._patience(request):g} s", where=os.fspath(self._path)
            ) from error
        except OSError as error:
            raise TransportError(f"the lab cannot be reached: {error}", where=os.fspath(self._path)) from error

    def _patience(self, request: Request) -> float:
        """Requests of a call are sent one after the other, and each may take as long as the call lets it."""
        return self._timeout + (request.count * request.timeout if isinstance(request, Call) else 0.0)


def _heard(line: bytes) -> Answer:
    answer = _decode(line)
    if answer.refusal is not None:
        refusal = answer.refusal
        raise WorldError(refusal.message, where=refusal.where, remedy=refusal.remedy)
    return answer
