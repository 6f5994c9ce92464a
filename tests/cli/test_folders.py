"""Folders appear whole or not at all, and nothing of anybody else's is lost."""

import pytest

from sidestep.cli.folders import MARK, check_folder, write_folder
from sidestep.errors import WorldError

FILES = {MARK: "{}", "waves/01.yaml": "a: 1\n", "deep/er/x": "ü\n"}


def content(folder):
    return {str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()}


def test_written_whole(tmp_path):
    write_folder(tmp_path / "plan", FILES)
    assert content(tmp_path / "plan") == FILES
    assert [each.name for each in tmp_path.iterdir()] == ["plan"]


def test_an_earlier_plan_is_replaced_as_a_whole(tmp_path):
    write_folder(tmp_path / "plan", {**FILES, "old": "x"})
    write_folder(tmp_path / "plan", FILES)
    assert content(tmp_path / "plan") == FILES
    assert [each.name for each in tmp_path.iterdir()] == ["plan"]


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "plan").mkdir()
    write_folder(tmp_path / "plan", FILES)
    assert content(tmp_path / "plan") == FILES


@pytest.mark.parametrize("case", ["other", "file", "nowhere"])
def test_what_is_not_ours_stays(tmp_path, case):
    target = tmp_path / "plan"
    if case == "other":
        target.mkdir()
        (target / "thesis.txt").write_text("precious")
    elif case == "file":
        target.write_text("precious")
    else:
        target = tmp_path / "no" / "plan"
    for attempt in (lambda: check_folder(target), lambda: write_folder(target, FILES)):
        with pytest.raises(WorldError) as caught:
            attempt()
        assert caught.value.remedy
    if case == "other":
        assert content(target) == {"thesis.txt": "precious"}


def test_what_stood_there_stays_when_writing_fails(tmp_path):
    write_folder(tmp_path / "plan", FILES)
    with pytest.raises(WorldError):
        write_folder(tmp_path / "plan", {MARK: "{}", "a": "x", "a/b": "y"})
    assert content(tmp_path / "plan") == FILES
    assert [each.name for each in tmp_path.iterdir()] == ["plan"]
