"""An agent's process: `python -m sidestep.lab.agent --node NAME --socket PATH`, started within the node's network.

It ends when the machine's end of the socket does.
"""

import argparse
import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sidestep.lab.agent.agent import Agent
from sidestep.lab.agent.messages import Command, Event, Failed, Hello

_LINE = 64 * 1024 * 1024
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Command).decode


class _Numbered(msgspec.Struct):
    """What can still be read of a command that cannot be read."""

    id: int = 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run an agent.

    Args:
        arguments: of the command line; None for the process's own.
    """
    parser = argparse.ArgumentParser(prog="sidestep.lab.agent", description=__doc__)
    parser.add_argument("--node", required=True)
    parser.add_argument("--socket", required=True)
    parser.add_argument("--logs", type=Path)
    options = parser.parse_args(arguments)
    asyncio.run(run(options.node, options.socket, options.logs))


async def run(node: str, path: str, logs: Path | None = None) -> None:
    """Carry out what the machine says, until it says no more."""
    reader, writer = await asyncio.open_unix_connection(path, limit=_LINE)

    def tell(event: Event) -> None:
        if not writer.is_closing():
            writer.write(_encode(event) + b"\n")

    agent = Agent(tell, logs, node)
    tell(Hello(node, os.getpid()))
    tasks: set[asyncio.Task[None]] = set()
    try:
        while line := await reader.readline():
            try:
                command = _decode(line)
            except msgspec.DecodeError as error:
                tell(Failed(_number_of(line), f"the command cannot be read: {error}"))
                continue
            task = asyncio.create_task(agent.do(command))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
    except ConnectionError:
        pass
    finally:
        await agent.end()
        writer.close()


def _number_of(line: bytes) -> int:
    try:
        return msgspec.json.decode(line, type=_Numbered).id
    except msgspec.DecodeError:
        return 0


if __name__ == "__main__":
    main()
