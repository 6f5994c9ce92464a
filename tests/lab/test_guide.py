"""The guide shows what commands really say: it is replayed from its first command to its last, in one lab."""

import re
import shlex
from pathlib import Path

import pytest
from tests.support.lab_command import shell

pytestmark = pytest.mark.real

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
TEXT = (GUIDES / "the-lab-in-five-minutes.md").read_text()
BLOCKS = re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
STEPS = [
    tuple(each.partition("\n")[::2]) for block in BLOCKS for each in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
]
REFUSED = "call shop/stranger"
FIGURE = re.compile(r"\d[\d.]*")
POD = re.compile(r"(orders|stranger|web)-[0-9a-f]{10}-[0-9a-f]{5}")


def told(text):
    """Lines without figures, and without what is different each time: which pod answered, how wide a column is."""
    plain = (FIGURE.sub("N", POD.sub(r"\1-POD", line)) for line in text.splitlines())
    lines = [" ".join(line.split()) for line in plain if not re.fullmatch(r"N of N pods ready", line)]
    return sorted(set(lines))


def test_it_goes_from_up_to_down():
    verbs = [command.split()[2] for command, _ in STEPS]
    assert (verbs[0], verbs[-1]) == ("up", "down")
    assert len(verbs) >= 12


def test_every_command_says_what_the_guide_shows():
    with shell() as user:
        for command, shown in STEPS:
            done = user.run(*shlex.split(command)[2:])
            assert done.returncode == (2 if REFUSED in command else 0), (command, done.stderr)
            assert told(done.stdout + done.stderr) == told(shown), command
        assert user.left() == []
