"""What is asked about calls, and that the documentation shows it."""

from pathlib import Path

from sidestep.sources.calls.promql import METRICS, calls
from sidestep.sources.telemetry.promql import EVERYTHING, Scope, Window

PAGE = Path(__file__).parents[3] / "docs" / "call-graph.md"
WEEK = Window(604_800)


def test_the_page_shows_the_question_and_every_metric():
    page = PAGE.read_text()
    assert calls("istio_requests_total", WEEK, EVERYTHING) in page
    assert all(f"`{metric}`" in page for metric in METRICS)


def test_either_end_may_be_in_the_namespaces():
    text = calls("istio_requests_total", WEEK, Scope(namespaces=("a", "b.c"), labels=(("cluster", "x"),)))
    for end in ("destination", "source"):
        assert f'rate(istio_requests_total{{cluster="x", {end}_workload_namespace=~"a|b\\\\.c"}}[604800s])' in text
