"""What the command refuses before it looks at anything, and what it says of a plan that it does not take."""

import pytest
from tests.support.commands import on_terminal, sidestep
from tests.support.repositories import Repository, planned

from sidestep.cli.migrate.screen import _window


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return Repository(tmp_path_factory.mktemp("choices") / "repository")


@pytest.fixture(scope="module")
def plan(repository, tmp_path_factory):
    return planned(repository.folder / "mesh", tmp_path_factory.mktemp("choices") / "plan")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name the plan with --plan DIR, or a verb: abort, history, pause, resume, rollback, status"),
        (("--lab", "x", "status"), "write --lab after status"),
        (("--plan", "PLAN", "--wave", "1", "--until", "2"), "--wave and --until contradict each other"),
        (("--plan", "PLAN", "--lab", "x", "--context", "y"), "--lab names a lab"),
        (("--plan", "PLAN", "--gitops", "REPO", "--offline", "--wave", "9"), "the plan has no wave 9"),
        (("--plan", "PLAN", "--gitops", "REPO", "--offline", "--wave", "2"), "wave 0 is not done"),
        (("--plan", "/nowhere"), "No such file"),
        (("--plan", "PLAN", "--gitops", "REPO", "--offline", "--apply", "--yes", "-o", "json"), "say -o jsonl"),
        (("status", "--gitops", "REPO"), "there is no run yet"),
        (("rollback", "r9", "--gitops", "REPO"), "there is no run"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_word(repository, plan, arguments, words):
    known = {"PLAN": plan, "REPO": repository.folder / "mesh"}
    done = sidestep("migrate", *(known.get(each, each) for each in arguments))
    assert done.returncode == 1
    assert words in done.stderr


def test_a_plan_that_nobody_signed_or_somebody_edited_is_refused(repository, plan, tmp_path):
    text = (plan / "plan.json").read_text()
    mode = '"istio.io/dataplane-mode": '
    for name, changed, words in (
        ("edited", text.replace(f'{mode}"ambient"', f'{mode}"none"', 1), "was edited"),
        ("unsigned", text.replace('"digest": "', '"digests": "', 1), "is not signed"),
    ):
        assert changed != text
        path = tmp_path / f"{name}.json"
        path.write_text(changed)
        done = sidestep("migrate", "--plan", path, "--gitops", repository.folder, "--offline")
        assert (done.returncode, words in done.stderr) == (1, True), done.stderr


def test_on_a_terminal_it_asks_and_shows_the_waves_as_they_go(repository, plan):
    arguments = ("migrate", "--plan", plan, "--gitops", repository.folder / "mesh", "--offline", "--apply", "--yes")
    code, shown = on_terminal(*arguments)
    assert code == 0
    assert "✓ wave  2" in shown
    assert "is carried out" in shown


def test_of_many_waves_those_that_are_under_way_are_shown():
    lines = [f"✓ {number}" for number in range(30)] + ["▸ 30"] + [f"· {number}" for number in range(31, 60)]
    assert len(_window(lines)) == 12
    assert "▸ 30" in _window(lines)
    assert _window(lines[:3]) == lines[:3]
    assert _window(["✓ 1"] * 20)[-1] == "✓ 1"
