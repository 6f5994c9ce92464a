"""The guide shows what the command really says: its commands run, and the lines that matter are theirs."""

import re
import shlex
from pathlib import Path

import pytest
from tests.support.commands import sidestep

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guides" / "explain-a-request.md").read_text()
SHOWN = re.findall(r"```console\n\$ (sidestep explain --from docs/[^|\n]*)\n(.*?)```", GUIDE, re.DOTALL)
TELLING = re.compile(
    r"^(Today|By labels alone|Planned|After wave \d+): |^  [✓✗?] |^error: |^CALLER|^[a-z]+ +(allowed|denied|some)"
)


def telling(text: str) -> list[str]:
    """Verdicts, ends of pictures, errors and the rows of a matrix."""
    return [line for line in text.splitlines() if TELLING.match(line)]


def test_the_guide_shows_every_kind_of_answer():
    commands = " ".join(command for command, _ in SHOWN)
    assert len(SHOWN) >= 5
    assert all(option in commands for option in ("--client", "--matrix", "--symptom"))


@pytest.mark.parametrize(("command", "shown"), SHOWN, ids=lambda each: each[:40])
def test_its_output_is_real(command, shown, monkeypatch):
    monkeypatch.chdir(ROOT)
    done = sidestep(*shlex.split(command)[1:], COLUMNS="96")
    real = done.stdout + done.stderr
    assert real.splitlines()[0] == shown.splitlines()[0]
    assert telling(shown) == telling(real)[: len(telling(shown))]
