"""Whatever a name or a message is made of, every format stays what it is."""

import csv
import io
import json
import re
from xml.etree import ElementTree as ET

import yaml
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.support import audits

from sidestep.audit.finding import Severity
from sidestep.audit.result import Audit, Missing
from sidestep.model.origin import FileOrigin
from sidestep.report.formats import FORMATS, Look, format_named

ANYTHING = st.text(alphabet=st.characters(), max_size=30)
DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)


@st.composite
def odd_audits(draw) -> Audit:
    """A small audit all of whose words are anything."""
    word = lambda: draw(ANYTHING)  # noqa: E731
    found = audits.finding(
        "SID101", Severity.ERROR, f"{word()}/{word()}", message=word(), fix=word(), origin=FileOrigin(word(), 3)
    )
    made = audits.audit_of([audits.workload(word(), word(), 2, 1)], (found, replace(found, suppressed=word())))
    source = replace(made.source, name=word(), complete=False, missing=(Missing(word(), word(), word(), word()),))
    return replace(made, source=source, conclusion=(word(),))


def rendered(name: str, audit: Audit) -> str:
    return format_named(name, FORMATS).render(audit, Look(100))


def readable(text: str) -> str:
    """As it leaves in UTF-8: half a character reads `?`."""
    return text.encode(errors="replace").decode()


@given(odd_audits())
def test_json_and_yaml_say_the_same_and_give_every_word_back(audit):
    tree = json.loads(rendered("json", audit))
    assert tree["findings"][0]["message"] == readable(audit.findings[0].message)
    assert tree["source"]["name"] == readable(audit.source.name)
    assert yaml.load(rendered("yaml", audit), Loader=yaml.CSafeLoader) == tree


@given(odd_audits())
def test_csv_has_its_columns(audit):
    rows = list(csv.reader(io.StringIO(rendered("csv", audit))))
    assert [len(row) for row in rows] == [21, 21]
    assert not rows[1][0].startswith(("=", "+", "-", "@"))


@given(odd_audits())
def test_sarif_has_its_results_at_addresses_of_ascii(audit):
    (run,) = json.loads(rendered("sarif", audit))["runs"]
    assert len(run["results"]) == 2
    for result in run["results"]:
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[!-~]*", uri)


@given(odd_audits())
def test_junit_is_xml(audit):
    root = ET.fromstring(readable(rendered("junit", audit)))  # noqa: S314 - our own output
    assert (root.get("failures"), len(root.findall(".//skipped"))) == ("1", len(root.findall(".//skipped[@message]")))


@given(odd_audits())
def test_markdown_keeps_its_rows(audit):
    tables = re.findall(r"(?:^\|.*\n)+", rendered("markdown", audit), flags=re.MULTILINE)
    cells = [[len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in table.split("\n")[:-1]] for table in tables]
    assert [len(set(counts)) for counts in cells] == [1, 1]


@given(odd_audits())
def test_the_page_holds_two_scripts_and_its_data(audit):
    page = rendered("html", audit)
    assert page.lower().count("<script") == page.lower().count("</script") == 2
    (data,) = DATA.findall(page)
    assert len(json.loads(data)["findings"]) == 2
