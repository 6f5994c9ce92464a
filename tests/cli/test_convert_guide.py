"""The guide shows what the command really says."""

import re
import shlex
from pathlib import Path

import pytest
from tests.support.commands import sidestep

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guides" / "convert-a-repository.md").read_text()
SHOWN = re.findall(r"```console\n\$ (sidestep convert --from docs/[^|\n]*)(?: \|[^\n]*)?\n(.*?)```", GUIDE, re.DOTALL)


def words(text: str) -> list[str]:
    """Lines without their padding, which is as wide as the longest object."""
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_the_guide_shows_the_table_and_a_diff():
    commands = [command for command, _ in SHOWN]
    assert any("--diff" in command for command in commands)
    assert any("--prove" in command for command in commands)


@pytest.mark.parametrize(("command", "shown"), SHOWN, ids=lambda each: each[:40])
def test_its_output_is_real(command, shown, monkeypatch):
    monkeypatch.chdir(ROOT)
    done = sidestep(*shlex.split(command)[1:], COLUMNS="96")
    real = words(done.stdout)
    assert words(shown)
    assert [line for line in words(shown) if line not in real] == []
