"""The guides to prove show what the command really says: commands run, and their lines are theirs but for the figures."""

import re
import shlex
from pathlib import Path

import pytest
import yaml
from tests.support.commands import sidestep

ROOT = Path(__file__).parents[2]
PAGES = ("guides/read-a-counterexample.md", "guides/accept-a-difference.md")
TEXTS = {name: (ROOT / "docs" / name).read_text() for name in PAGES}
SHOWN = [
    pytest.param(*found, id=f"{name} {number}")
    for name, text in TEXTS.items()
    for number, found in enumerate(
        re.findall(r"```console\n\$ (sidestep prove [^\n]*docs/ex[^\n]*)\n(.*?)```", text, re.DOTALL)
    )
]
FIGURE = re.compile(r"\d[\d,]*")
CLIENT = re.compile(r"(Deployment shop|shop/Deployment)/\w+")


def told(text: str) -> str:
    """Up to the ellipsis, without figures, line breaks, and the workload that stands for its class."""
    return " ".join(CLIENT.sub("somebody", FIGURE.sub("N", text.partition("\n…")[0])).split())


def test_the_guides_show_every_kind_of_answer():
    assert len(SHOWN) == 5
    whole = "".join(TEXTS.values())
    assert all(
        verdict in whole for verdict in ("\n✗ differs", "\n✓ equal", "\n✗ violated", "SID402", "✗ open", "✗ closed")
    )


@pytest.mark.parametrize(("command", "shown"), SHOWN)
def test_their_output_is_real(command, shown, monkeypatch):
    monkeypatch.chdir(ROOT)
    done = sidestep(*shlex.split(command)[1:], COLUMNS="96")
    assert done.stderr == ""
    assert told(done.stdout)[: len(told(shown))] == told(shown)
    assert done.stdout.splitlines()[0][0] in "✓✗?"


def test_the_files_that_they_show_are_the_examples():
    for page, name in (
        ("guides/read-a-counterexample.md", "invariants"),
        ("guides/accept-a-difference.md", "accepted"),
    ):
        assert (ROOT / "docs" / "examples" / f"{name}.yaml").read_text() in TEXTS[page]


def test_the_second_shop_differs_from_the_first_by_one_label():
    first, second = (
        list(yaml.safe_load_all((ROOT / "docs" / "examples" / name).read_text()))
        for name in ("shop.yaml", "shop-by-labels.yaml")
    )
    assert first[0]["metadata"].pop("labels") == {"istio-injection": "enabled"}
    assert second[0]["metadata"].pop("labels") == {"istio.io/dataplane-mode": "ambient"}
    assert first == second
