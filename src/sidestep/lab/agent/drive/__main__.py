"""The driving process: orders on standard input, rows every second on standard output; it ends with its input."""

import asyncio
import sys

import msgspec

from sidestep.lab.agent.drive.driver import Driver
from sidestep.lab.agent.drive.messages import Begin, End, Heard, Order

_LINE = 64 * 1024 * 1024
_decode = msgspec.json.Decoder(Order).decode


async def run() -> None:
    """Follow orders until there are no more."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_LINE)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    driver = Driver(_say)
    flushing = asyncio.create_task(_every_second(driver))
    ending: set[asyncio.Task[None]] = set()
    while line := await reader.readline():
        match _decode(line):
            case Begin() as order:
                driver.begin(order)
            case End(uid=uid):
                task = asyncio.create_task(driver.end(uid))
                ending.add(task)
                task.add_done_callback(ending.discard)
    flushing.cancel()


async def _every_second(driver: Driver) -> None:
    while True:
        await asyncio.sleep(1)
        driver.flush()


def _say(heard: Heard) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(heard) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    asyncio.run(run())
