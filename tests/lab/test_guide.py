"""Guides show what commands really say: each is replayed from its first command to its last, in one lab."""

import re
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.support.lab import ROOT, environment, launched
from tests.support.lab_command import shell
from tests.support.labs import eventually

pytestmark = pytest.mark.real

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
NAMES = ("the-lab-in-five-minutes", "hybrid-meshes", "tracing-without-sidecars")
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
FIGURE = re.compile(r"\d[\d.]*")
POD = re.compile(r"\b([a-z]+)-[0-9a-f]{10}-[0-9a-f]{5}")
LATER = ("graph", "status", "traces", "verify")
"""Verbs that tell what comes to be known, or to be, a moment later."""


def steps(name):
    blocks = BLOCK.findall((GUIDES / f"{name}.md").read_text())
    listed = [each for block in blocks for each in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [tuple(each.partition("\n")[::2]) for each in listed]


def told(text):
    """Lines without figures, and without what is different each time: which pod answered, how wide a column is."""
    plain = (FIGURE.sub("N", POD.sub(r"\1-POD", line)) for line in text.splitlines())
    lines = [" ".join(line.split()) for line in plain if not re.fullmatch(r"N of N pods ready", line)]
    return sorted(set(lines))


def code(command, shown):
    """A call that is not answered exits with 2."""
    return 2 if command.split()[2] == "call" and not shown.startswith("ok") else 0


@pytest.mark.parametrize("name", NAMES)
def test_it_goes_from_up_to_down(name):
    verbs = [command.split()[2] for command, _ in steps(name)]
    assert (verbs[0], verbs[-1]) == ("up", "down")
    assert len(verbs) >= 9


@pytest.mark.parametrize("name", NAMES)
def test_every_command_says_what_the_guide_shows(name, tmp_path):
    with shell() as user:
        for command, shown in steps(name):
            words = [str(tmp_path / each) if each.endswith(".mmd") else each for each in shlex.split(command)[2:]]
            done = said(user, words, shown, patience=60 if words[0] in LATER else 0)
            assert told(done.stdout + done.stderr) == told(shown), command
            assert done.returncode == code(command, shown), command
        assert user.left() == []


def test_what_it_shows_in_python_does_what_it_says(monkeypatch, capsys):
    guide = (GUIDES / "the-lab-in-five-minutes.md").read_text()
    (block,) = re.findall(r"```python\n(.*?)```\n\nIt prints `(.*?)` and `(.*?)`", guide, re.DOTALL)
    with TemporaryDirectory(prefix="lab-", dir="/tmp") as folder:
        launched([])
        monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.setenv("LD_LIBRARY_PATH", environment()["LD_LIBRARY_PATH"])
        monkeypatch.chdir(ROOT)
        exec(block[0], {})  # noqa: S102 - what users are told to run
        assert capsys.readouterr().out.splitlines() == list(block[1:])
        assert list(Path(folder).glob("sidestep-*/*")) == []


def said(user, words, shown, patience):
    """What a command says; if it says another thing, what it says a moment later."""
    done = [user.run(*words)]

    def right():
        done.append(user.run(*words))
        return told(done[-1].stdout + done[-1].stderr) == told(shown)

    if patience and told(done[0].stdout + done[0].stderr) != told(shown):
        eventually(right, patience)
    return done[-1]
