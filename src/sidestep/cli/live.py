"""One line on stderr that says how far long work is."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def live_line(first: str) -> Iterator[Callable[[str], None] | None]:
    """What writes the line anew, for as long as this lasts; None where nobody sits at a terminal.

    Args:
        first: what it says to begin with.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console  # noqa: PLC0415 - only who watches pays for it

    with Console(stderr=True).status(first) as live:
        yield live.update
