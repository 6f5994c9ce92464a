"""The lab's end of its socket: only the user who brought the lab up may speak to it."""

import asyncio
import os
import socket
import struct
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from sidestep.controlplane.private_socket import private_socket
from sidestep.errors import SidestepError, UsageError
from sidestep.lab.api.messages import Answer, Refusal, Request

Reply = Awaitable[Any] | AsyncIterator[Any]
Handler = Callable[[Any], Reply]
_LIMIT = 256 * 1024 * 1024
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Request).decode


async def serve(path: Path, handle: Handler) -> asyncio.Server:
    """Listen at a path that only its owner may enter.

    Args:
        path: of the socket.
        handle: from a request to its result, or to events one by one.
    """

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _conversation(reader, writer, handle)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()

    return await asyncio.start_unix_server(connected, sock=private_socket(path), limit=_LIMIT)


async def _conversation(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handle: Handler) -> None:
    if _peer(writer) != os.geteuid():
        await _tell(writer, Answer(refusal=Refusal("this lab belongs to another user"), done=True))
        return
    line = await reader.readline()
    if not line:
        return
    try:
        await _answer(writer, handle(_request(line)))
    except SidestepError as error:
        await _tell(writer, Answer(refusal=Refusal(error.message, error.where, error.remedy), done=True))
    except ConnectionError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, who asked is told
        traceback.print_exc()
        fault = f"a fault in the lab itself: {type(error).__name__}: {error}"
        await _tell(
            writer, Answer(refusal=Refusal(fault, remedy="see `sidestep lab logs machine`, and report it"), done=True)
        )


def _request(line: bytes) -> Any:
    try:
        return _decode(line)
    except msgspec.MsgspecError as error:
        raise UsageError(f"the lab does not understand the request: {error}") from error


async def _answer(writer: asyncio.StreamWriter, reply: Reply) -> None:
    if isinstance(reply, AsyncIterator):
        async for event in reply:
            await _tell(writer, Answer(event=event))
        await _tell(writer, Answer(done=True))
    else:
        await _tell(writer, Answer(result=await reply, done=True))


async def _tell(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(_encode(answer) + b"\n")
    await writer.drain()


def _peer(writer: asyncio.StreamWriter) -> int:
    """Who is at the other end; another user's number is none of ours in a user namespace."""
    connection: socket.socket = writer.get_extra_info("socket")
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return int(uid)
