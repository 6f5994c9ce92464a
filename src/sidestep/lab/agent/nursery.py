"""A process that has imported what an agent needs, and forks one for each line that it reads.

`python -m sidestep.lab.agent.nursery`. To import takes a quarter of a second of a processor, to fork milliseconds.

Agents are handed to the lab's first process, which waits for them as for what it starts itself: whoever is between
ends at once, and the first process of a namespace inherits what that leaves.
"""

import gc
import os
import sys
import traceback
from typing import NoReturn

import msgspec

from sidestep.lab.agent.__main__ import main
from sidestep.lab.agent.messages import Birth
from sidestep.lab.net.namespaces import Namespace, enter

_decode = msgspec.json.Decoder(Birth).decode


def run() -> None:
    """Fork agents, and tell the number of each, until nobody asks any more."""
    gc.collect()
    gc.freeze()
    for line in sys.stdin.buffer:
        between = os.fork()
        if between == 0:
            _bear(_decode(line))
        os.waitpid(between, 0)


def _bear(birth: Birth) -> NoReturn:
    child = os.fork()
    if child == 0:
        _become(birth)
    os.write(sys.stdout.fileno(), b"%d\n" % child)
    os._exit(0)


def _become(birth: Birth) -> NoReturn:
    """Be an agent, as if started by a command of its own."""
    code = 1
    try:
        os.setpgid(0, 0)
        enter(Namespace.at(birth.netns))()
        nothing = os.open(os.devnull, os.O_RDONLY)
        log = os.open(birth.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for own, number in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(own, number)
        os.closerange(3, max(nothing, log) + 1)
        main(birth.arguments)
        code = 0
    except KeyboardInterrupt:
        code = 130
    except BaseException:  # noqa: BLE001 - nothing of the nursery may run on
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    run()
