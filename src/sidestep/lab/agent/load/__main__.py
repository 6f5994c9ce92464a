"""A load's own process: a plan on standard input, progress and results on standard output, SIGTERM ends it early.

It is a process of its own so that workloads of the same node do not delay its clock.
"""

import asyncio
import signal
import sys
import time

import msgspec

from sidestep.lab.agent.load.generator import From, Generator, every_second
from sidestep.lab.agent.messages import Load, Progress, Results


class Plan(msgspec.Struct, frozen=True):
    """What is sent to the process."""

    load: Load
    origins: dict[str, From]


def main() -> None:
    """Run one load."""
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    asyncio.run(_run(plan))


async def _run(plan: Plan) -> None:
    generator = Generator(plan.load.edges, plan.origins, plan.load.seconds)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, generator.cancel)
    telling = asyncio.create_task(every_second(lambda seconds: _say(_progress(plan.load.id, seconds, generator))))
    began = time.process_time()
    seconds = await generator.run()
    telling.cancel()
    _say(Results(plan.load.id, seconds, time.process_time() - began, generator.results()))


def _progress(number: int, seconds: float, generator: Generator) -> Progress:
    failures: dict[str, int] = {}
    for tally in generator.tallies:
        for kind, count in tally.failures.items():
            failures[kind] = failures.get(kind, 0) + count
    sent, ok = sum(each.sent for each in generator.tallies), sum(each.ok for each in generator.tallies)
    return Progress(number, seconds, sent, ok, failures)


def _say(event: Progress | Results) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(event) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
