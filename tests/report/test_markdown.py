"""Markdown for pull requests."""

import re

import pytest
from markdown_it import MarkdownIt
from msgspec.structs import replace
from tests.support import audits

from sidestep.audit.finding import Severity
from sidestep.report import markdown
from sidestep.report.formats import Look

GITHUB_COMMENT = 65_536


def render(audit):
    return markdown.render(audit, Look())


def html(audit):
    return MarkdownIt("commonmark").enable("table").enable("strikethrough").render(render(audit))


def test_a_small_audit_reads_like_this():
    docs = "https://github.com/sidestep-dev/sidestep/blob/main/docs/findings"
    assert (
        render(audits.tiny())
        == f"""\
# Sidecar audit

Sidecars are there.

Ambient would cost less.

Look first at the worst.

## Namespaces

| Namespace | Pods | Classic | Native | Ambient | CPU | Memory | Requested/month | Used/month | L7 |
| --- | --: | --: | --: | --: | --: | --: | --: | --: | --- |
| checkout | 3 | 0 | 3 | 0 | 300m | 384Mi | $8.10 | - | no |
| payments | 2 | 2 | 0 | 0 | 200m | 256Mi | $5.40 | - | no |
| **total** | **5** | **2** | **3** | **0** | **500m** | **640Mi** | **$14** | **-** |  |

## Findings

| Severity | Code | Object | What | Fix |
| --- | --- | --- | --- | --- |
| blocker | [SID112]({docs}/SID112.md) | Deployment checkout/cart | what SID112 found | do what SID112 asks |
| warning | [SID106]({docs}/SID106.md) | Deployment payments/ledger | what SID106 found | do what SID106 asks |
"""
    )


def test_what_is_missing_comes_first():
    assert render(audits.partial()).splitlines()[2] == "> **Partial**: 2 things could not be read."


@pytest.mark.parametrize("make", [audits.empty, audits.tiny, audits.typical, audits.partial, audits.nasty])
def test_every_row_has_as_many_cells_as_its_head(make):
    tables = re.findall(r"(?:^\|.*\n)+", render(make()), flags=re.MULTILINE)
    for table in tables:
        cells = [len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()]
        assert len(set(cells)) == 1


def test_names_cannot_become_markup_links_or_mentions():
    made = html(audits.nasty())
    assert "<script" not in made
    assert "javascript:1)" in made
    assert 'href="javascript' not in made
    assert "@team" not in render(audits.nasty())
    assert "<em>" not in made
    assert "<code>" not in made


def test_it_fits_one_comment_however_much_there_is_to_say():
    findings = [
        audits.finding(f"SID{101 + index % 24}", Severity.ERROR, f"a/{index}", message="long " * 300, fix="fix " * 300)
        for index in range(2_000)
    ]
    made = audits.audit_of([audits.workload(f"namespace-{index}", "x", 1, 0) for index in range(500)], tuple(findings))
    text = render(made)
    assert len(text) < GITHUB_COMMENT
    assert "… and 1,950 more." in text
    assert "… 450 more" in text


def test_suppressed_findings_are_not_told():
    (only,) = (replace(each, suppressed="x") for each in audits.tiny().findings[:1])
    assert render(replace(audits.tiny(), findings=(only,))).endswith("## Findings\n\nNone.\n")
