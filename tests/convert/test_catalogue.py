"""The catalogue of rewrites, its files, tests and pages agree."""

import shutil
from pathlib import Path

import pytest
from tools.check_docs import REWRITES, rewrite_pages

from sidestep.convert.catalogue import BY_CODE, RULES

ROOT = Path(__file__).parents[2]


def test_codes_and_names_are_nobody_elses():
    assert len(BY_CODE) == len(RULES) == len({rule.name for rule in RULES})
    assert all(rule.kinds and rule.title for rule in RULES)


def test_each_file_holds_one_rewrite():
    modules = [path.stem for path in (ROOT / "src/sidestep/convert/rules").glob("[a-z]*.py")]
    assert sorted(modules) == sorted(rule.rewrite.__module__.rpartition(".")[2] for rule in RULES)


def test_pages_agree():
    assert list(rewrite_pages()) == []


@pytest.mark.parametrize(("name", "change", "word"), [
    ("SID301.md", lambda text: text.replace("## What is lost", "## Lost"), "sections"),
    ("SID301.md", lambda text: text.replace("# SID301: ", "# SID301: Not "), "open with"),
    ("README.md", lambda text: text.replace("| [SID302]", "| [SID909]"), "README"),
    ("SID399.md", lambda _: "# SID399", "no rewrite"),
])  # fmt: skip
def test_a_page_that_disagrees_is_found(tmp_path, name, change, word):
    folder = Path(shutil.copytree(REWRITES, tmp_path / "rewrites"))
    page = folder / name
    page.write_text(change(page.read_text() if page.exists() else ""))
    assert any(word in problem for problem in rewrite_pages(folder))


def test_a_missing_page_is_found(tmp_path):
    folder = Path(shutil.copytree(REWRITES, tmp_path / "rewrites"))
    (folder / "SID305.md").unlink()
    assert list(rewrite_pages(folder)) == ["SID305 has no page docs/rewrites/SID305.md"]
