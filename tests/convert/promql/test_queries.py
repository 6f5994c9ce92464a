"""Queries about sidecars, and those that are none of ours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidestep.convert.promql.documents import in_text
from sidestep.convert.promql.queries import converted
from sidestep.convert.promql.selectors import selectors

REQUESTS = "istio_requests_total"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('istio_requests_total{reporter="destination"}', 'istio_requests_total{reporter=~"destination|waypoint"}'),
        ("istio_requests_total{reporter='source'}", "istio_requests_total{reporter=~'source|waypoint'}"),
        (
            'sum(rate(istio_request_duration_milliseconds_bucket{app="a", reporter = "source" ,code=~"5.."}[5m])) by (le)',
            'sum(rate(istio_request_duration_milliseconds_bucket{app="a", reporter =~"source|waypoint" ,code=~"5.."}[5m])) by (le)',
        ),
        ('istio_requests_total{reporter=~"source|destination"}', 'istio_requests_total{reporter=~"source|destination|waypoint"}'),
        ('{__name__="istio_requests_total",reporter="source"}', '{__name__="istio_requests_total",reporter=~"source|waypoint"}'),
        (
            'a{x="{reporter=\\"source\\"}"} / istio_response_bytes_sum{reporter="source"} # reporter="source"',
            'a{x="{reporter=\\"source\\"}"} / istio_response_bytes_sum{reporter=~"source|waypoint"} # reporter="source"',
        ),
    ],
)  # fmt: skip
def test_waypoints_report_too(before, after):
    assert converted(before).text == after
    assert converted(after).text == after


@pytest.mark.parametrize(
    "query",
    [
        "up",
        'istio_requests_total{reporter!="source"}',
        'istio_requests_total{reporter=~".*"}',
        'istio_requests_total{reporter=~"waypoint"}',
        'istio_requests_total{reporter="elsewhere"}',
        'istio_requests_total{reporter!~"waypoint|source"}',
        'istio_tcp_sent_bytes_total{reporter="source"}',
        'mine{reporter="source"}',
        'label_replace(up, "reporter", "source", "", "")',
        'istio_requests_total{reporter="source',
        "istio_requests_total{",
        "{}}}{{{",
    ],
)
def test_others_stay(query):
    assert converted(query).text == query


@given(st.text(alphabet="istio_requests_total{}reporter=\"source~\\'`#$ ,()|\n", max_size=80))
def test_anything_is_read_and_twice_is_once(text):
    once = converted(text).text
    assert converted(once).text == once
    list(selectors(text))


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ('sum(container_memory_working_set_bytes{container="istio-proxy"})', "container istio-proxy"),
        ('container_cpu_usage_seconds_total{container=~"app|istio-proxy"}', "container istio-proxy"),
        ("rate(envoy_cluster_upstream_rq_total[1m])", "envoy_cluster_upstream_rq_total"),
        ('istio_requests_total{reporter=~"$qrep"}', "variable"),
    ],
)
def test_what_nobody_answers_is_said(query, word):
    (lost,) = converted(query).lost
    assert word in lost.did


@pytest.mark.parametrize(
    "query", ['container_cpu_usage_seconds_total{container="app"}', 'x{container!="istio-proxy"}', "envoy"]
)
def test_what_is_answered_is_not_lost(query):
    assert not converted(query).lost


DASHBOARD = """{
  "panels": [ {"targets": [{"expr": "sum(istio_requests_total{reporter=\\"source\\"})", "refId": "A"}],
    "datasource": {"type": "prometheus"}},
    {"datasource": {"type": "loki"}, "targets": [{"expr": "{app=\\"istio_requests_total\\", reporter=\\"source\\"}"}]} ],
  "unknown":   1
}"""
RULE_FILE = """# ours
groups:
  - name: a   # kept
    rules:
      - alert: Slow
        expr: |
          sum(istio_requests_total{reporter="destination"})
            > 1
      - record: b
        expr: 'istio_requests_total{reporter="source"}'
"""


def test_dashboards_and_rule_files_keep_their_layout():
    made = in_text(DASHBOARD)
    assert made.text == DASHBOARD.replace('total{reporter=\\"source\\"}', 'total{reporter=~\\"source|waypoint\\"}', 1)
    assert [each.field for each in made.queries] == ["panels[0].targets[0].expr"]
    rules = in_text(RULE_FILE)
    assert rules.text == RULE_FILE.replace('="destination"', '=~"destination|waypoint"').replace(
        '="source"', '=~"source|waypoint"'
    )
    assert in_text(rules.text).text == rules.text
    assert not rules.left


@pytest.mark.parametrize(
    "text",
    [
        "",
        "istio_requests_total: [",
        '{"a": "istio_requests_total{reporter=\\"source\\"}"}',
        "expr: istio_requests_total{reporter='source'}",
    ],
)
def test_other_text_stays(text):
    assert in_text(text).text == text


def test_a_query_that_is_not_found_again_is_named():
    escaped = 'groups:\n- rules:\n  - expr: "istio_requests_total{a=\\"\\x62\\", reporter=\\"source\\"}"\n'
    made = in_text(escaped)
    assert made.left == ("groups[0].rules[0].expr",)
    assert made.text == escaped


@pytest.mark.parametrize("mark", [">", ">-", "|", "|-"])
def test_a_query_in_several_lines_keeps_them(mark):
    text = (
        f"# alerts\ngroups:\n- rules:\n  - expr: {mark}\n      sum by (app) (rate(\n"
        '      istio_requests_total{a="b",\n        reporter="source"}[5m]))\n      > 1\n    for: 5m\n'
    )
    made = in_text(text)
    assert made.left == ()
    assert made.text == text.replace('reporter="source"', 'reporter=~"source|waypoint"')
    assert in_text(made.text).text == made.text


def test_lines_of_plain_and_quoted_texts_are_kept_too():
    for open_, close in (("", ""), ("'", "'")):
        text = f'groups:\n- rules:\n  - expr: {open_}istio_requests_total{{\n      reporter="source"}} > 1{close}\n'
        assert in_text(text).text == text.replace('="source"', '=~"source|waypoint"')
