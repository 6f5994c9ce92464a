"""`python -m tools.recording`: runs the commands of the README's first screen and draws them."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tools.recording.drawing import drawing
from tools.recording.terminal import Picture, Terminal

ROOT = Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "docs" / "images" / "shop.svg"
COLUMNS, ROWS = 104, 32
PAUSE = 1.2
"""Seconds that nothing moves at most: longer stillness is cut."""
READ, LAST, KEY = 5.0, 9.0, 0.03
SHOP = "--from docs/examples/shop.yaml"
COMMANDS = (
    f"sidestep prove {SHOP} --plan labels --fail-fast",
    f"sidestep rehearse {SHOP} --baseline 4s --gate-window 2s | head -11",
)
TITLE = "A terminal: sidestep proves a naive plan wrong, and rehearses its own in a lab"


def film() -> Iterator[Picture]:
    """All commands, typed and run, on one clock."""
    now = 0.0
    for command in COMMANDS:
        terminal = Terminal(COLUMNS, ROWS)
        for picture in _typed(terminal, command):
            yield picture._replace(at=now + picture.at)
        now += KEY * len(command) + PAUSE / 2
        before = 0.0
        for picture in terminal.run(["sh", "-c", command], ROOT):
            now += min(picture.at - before, PAUSE)
            before = picture.at
            yield picture._replace(at=now)
        now += READ


def _typed(terminal: Terminal, command: str) -> Iterator[Picture]:
    terminal.write("\x1b[32m$\x1b[0m ")
    for number, letter in enumerate(command):
        terminal.write(letter)
        yield Picture(number * KEY, terminal.rows())
    terminal.write("\n\n")


if __name__ == "__main__":
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    OUT.write_text(drawing(list(film()), COLUMNS, ROWS, TITLE, LAST))
    print(f"{OUT.relative_to(ROOT)}: {OUT.stat().st_size / 1024:.0f} KiB")
