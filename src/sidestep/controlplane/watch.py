"""Objects from the lab's machine: a list, then changes, over its unix socket; again from the start when it hangs up.

One line asks: `{"do":"watch","kinds":["pods",…]}`. Lines answer: `{"event":{"type":"ADDED","object":{…},"number":7}}`,
of type ADDED, MODIFIED, DELETED, and SYNCED (without an object) after what was there.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from sidestep.controlplane.registry.objects import Ref, ref_of
from sidestep.controlplane.registry.registry import Change
from sidestep.errors import SidestepError, TransportError

_LINE = 256 * 1024 * 1024
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_AT_ONCE = 5000


class _Event(Struct, frozen=True):
    type: str
    object: dict[str, Any] = {}
    number: int = 0


class _Answer(Struct, frozen=True):
    event: _Event | None = None
    refusal: dict[str, Any] | None = None
    done: bool = False


_decode = msgspec.json.Decoder(_Answer).decode


class Watch:
    """Follows the machine.

    Args:
        socket: of the machine.
        kinds: keys of kinds.
        lost: told why a connection ended, each time.
    """

    def __init__(self, socket: Path, kinds: Iterable[str], lost: Callable[[SidestepError], None]) -> None:
        self._socket, self._kinds, self._lost = socket, list(kinds), lost
        self._known: set[Ref] = set()
        self.heard = 0
        """Number of the last change, as the machine counts them, that a batch holds."""

    async def batches(self) -> AsyncIterator[list[Change]]:
        """All objects first, as one batch; then changes, those together that have come together.

        After the machine has hung up, the next batch is again all objects, and what is there no more.
        """
        pause = _FIRST_PAUSE
        while True:
            try:
                async for batch in self._connection():
                    pause = _FIRST_PAUSE
                    yield batch
            except SidestepError as error:
                self._lost(error)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _connection(self) -> AsyncIterator[list[Change]]:
        try:
            reader, writer = await asyncio.open_unix_connection(self._socket, limit=_LINE)
        except OSError as error:
            raise TransportError(f"the machine does not answer: {error}", where=str(self._socket)) from error
        try:
            writer.write(msgspec.json.encode({"do": "watch", "kinds": self._kinds}) + b"\n")
            yield await self._first(reader)
            while True:
                yield await self._together(reader)
        except (OSError, ValueError) as error:
            raise TransportError(f"the machine was cut off: {error}", where=str(self._socket)) from error
        finally:
            writer.close()

    async def _first(self, reader: asyncio.StreamReader) -> list[Change]:
        changes: list[Change] = []
        while (change := await self._next(reader)) is not None:
            changes.append(change)
        there = {change.ref for change in changes}
        gone = [Change(ref, None) for ref in sorted(self._known - there)]
        self._known = there
        return [*gone, *changes]

    async def _together(self, reader: asyncio.StreamReader) -> list[Change]:
        """What has come, without waiting for more."""
        changes = [await self._next(reader)]
        while len(changes) < _AT_ONCE and b"\n" in _waiting(reader):
            changes.append(await self._next(reader))
        found = [change for change in changes if change is not None]
        for change in found:
            (self._known.discard if change.tree is None else self._known.add)(change.ref)
        return found

    async def _next(self, reader: asyncio.StreamReader) -> Change | None:
        """One change; None for the word that all that was there was told."""
        line = await reader.readline()
        if not line.endswith(b"\n"):
            raise TransportError("the machine hung up", where=str(self._socket))
        answer = _read(line)
        if answer.refusal is not None or answer.event is None:
            reason = (answer.refusal or {}).get("message", "it has no more to say")
            raise TransportError(f"the machine does not let us watch: {reason}", where=str(self._socket))
        self.heard = max(self.heard, answer.event.number)
        if answer.event.type == "SYNCED":
            return None
        return Change(ref_of(answer.event.object), None if answer.event.type == "DELETED" else answer.event.object)


def _read(line: bytes) -> _Answer:
    try:
        return _decode(line)
    except msgspec.MsgspecError as error:
        raise TransportError(f"the machine says what we do not understand: {error}") from error


def _waiting(reader: asyncio.StreamReader) -> bytes:
    """What was received and not yet read; asyncio has no public word for it."""
    return bytes(getattr(reader, "_buffer", b""))
