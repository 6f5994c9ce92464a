"""The pages of differences: one for each, and an example wherever a decision shows it."""

import re

import pytest
from tools.differences_pages import FOLDER, index, page, pages

from sidestep.semantics.differences.catalogue import DIFFERENCES

_SECTION = re.compile(r"^## (.+)\n\n(\S)", re.MULTILINE)


@pytest.mark.parametrize("difference", DIFFERENCES, ids=[each.code for each in DIFFERENCES])
def test_a_page(difference):
    text = page(difference)
    sections = [name for name, _ in _SECTION.findall(text)]
    assert sections[:4] == ["Today", "After", "When", "What to do"]
    assert sections[-1] == "See also"
    assert any(name.startswith("Example") for name in sections)
    assert ("\nRequest: " in text and "\nToday, **" in text and "\nAfter, **" in text) or difference.undecidable in text


def test_every_difference_is_listed_and_has_a_page():
    listed = index()
    assert all(f"[{each.code}]({each.code}.md)" in listed for each in DIFFERENCES)
    assert {path.name for path in pages()} == {"README.md", *(f"{each.code}.md" for each in DIFFERENCES)}
    assert all(path.parent == FOLDER for path in pages())


def test_pages_hold_no_traces_of_the_server():
    assert not [path.name for path, text in pages().items() if "creationTimestamp" in text or "uid-" in text]
