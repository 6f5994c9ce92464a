"""Whether the machine itself stood still while something was measured."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def control(nap: float) -> Iterator[list[float]]:
    """By how many seconds naps were too long meanwhile, which no proxy has to do with.

    Args:
        nap: seconds of each.
    """
    slept, over = [0.0], threading.Event()

    def sleep() -> None:
        while not over.is_set():
            began = time.perf_counter()
            time.sleep(nap)
            slept.append(time.perf_counter() - began - nap)

    thread = threading.Thread(target=sleep)
    thread.start()
    try:
        yield slept
    finally:
        over.set()
        thread.join()
