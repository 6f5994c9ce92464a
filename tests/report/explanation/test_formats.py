"""Every answer in every format: valid, self-contained, narrow enough, and with nothing that drives the reader."""

import csv
import io
import json
import re
from html.parser import HTMLParser

import jsonschema
import pytest
import yaml
from rich.cells import cell_len
from tests.support import explanations as made
from tests.support.browser import chromium, complaints, requests

from sidestep.report.explanation.formats import EXPLANATION_FORMATS, LOG_FORMATS, MATRIX_FORMATS, SYMPTOM_FORMATS
from sidestep.report.formats import Look, format_named
from sidestep.report.schema import schema

KINDS = (
    (EXPLANATION_FORMATS, made.EXPLANATIONS),
    (LOG_FORMATS, made.LOGS),
    (SYMPTOM_FORMATS, made.SYMPTOMS),
    (MATRIX_FORMATS, made.MATRICES),
)
ALL = [pytest.param(formats, make, id=make.__name__) for formats, makers in KINDS for make in makers]
DRIVING = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def rendered(formats, make, name, look=None):
    return format_named(name, formats).render(make(), look or Look())


@pytest.mark.parametrize(("formats", "make"), ALL)
def test_json_and_yaml_are_the_document_by_its_schema(formats, make):
    document = json.loads(rendered(formats, make, "json"))
    jsonschema.Draft202012Validator(json.loads(schema(type(make())))).validate(document)
    assert list(document)[:2] == ["apiVersion", "kind"]
    assert yaml.safe_load(rendered(formats, make, "yaml")) == document


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize(("formats", "make"), ALL)
def test_the_table_fits_any_terminal_and_drives_none(formats, make, width):
    text = rendered(formats, make, "table", Look(width))
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert not DRIVING.search(text)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize(("formats", "make"), ALL)
def test_colour_is_only_where_it_is_wanted(formats, make):
    assert "\x1b" not in rendered(formats, make, "table")
    colored = rendered(formats, make, "table", Look(80, color=True))
    assert "\x1b[" in colored
    assert "\x1b[31m\N{REPLACEMENT CHARACTER}" not in colored


@pytest.mark.parametrize(("formats", "make"), ALL)
def test_markdown_lets_no_word_become_markup(formats, make):
    text = rendered(formats, make, "markdown")
    assert text.startswith("# ")
    assert not DRIVING.search(text)
    outside = re.sub(r"`{3,}text\n.*?\n`{3,}", "", text, flags=re.DOTALL)
    assert "<b>" not in outside
    assert "[x](y)" not in outside


class Elements(HTMLParser):
    """What a parser makes of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.handlers = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on") or name == "style"]
        self.links += [value for name, value in attrs if name in {"src", "href", "action"}]


@pytest.mark.parametrize(("formats", "make"), ALL)
def test_the_page_loads_nothing_and_escapes_everything(formats, make):
    text = rendered(formats, make, "html")
    page = Elements(text)
    assert page.tags.count("script") == 2
    assert page.handlers == []
    assert all(link == "data:," or link.startswith("https://github.com/sidestep-dev/") for link in page.links)
    assert "</script><b>" not in text
    assert not DRIVING.search(text)


def test_csv_has_a_row_for_every_cell_and_runs_nothing():
    matrix = made.callers()
    rows = list(csv.DictReader(io.StringIO(rendered(MATRIX_FORMATS, made.callers, "csv"))))
    assert len(rows) == len(matrix.rows) * len(matrix.columns)
    assert {(row["caller"], row["service"], row["http"]) for row in rows} >= {("web", "cart:80", "some")}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with chromium(tmp_path_factory.mktemp("chromium")) as started:
        started.get("about:blank")
        requests(started)
        yield started


@pytest.mark.real
@pytest.mark.parametrize(("formats", "make"), ALL)
def test_a_browser_has_nothing_to_complain_of_and_scrolls_only_downwards(formats, make, browser, tmp_path):
    path = tmp_path / "answer.html"
    path.write_text(rendered(formats, make, "html"))
    for width in (1320, 500):
        browser.set_window_size(width, 900)
        browser.get(path.as_uri())
        overhang = browser.execute_script(
            "return document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overhang <= 0
    assert complaints(browser) == []
    assert requests(browser) == {path.as_uri()}
