"""Dashboards and rule files that are no objects."""

import json

import pytest
from tests.support.conversions import context, convert
from tests.support.scenes import index, m, pods, service

from sidestep.convert.promql.plain_files import plain_files, rules_in
from sidestep.convert.rules.query import recorded, with_rules_beside

OLD, NEW = (f"sum(rate(istio_requests_total{{reporter{each}}}[5m]))" for each in ('="source"', '=~"source|waypoint"'))  # fmt: skip
CART = [*pods("cart"), service("cart")]
BOARD = {"title": "t", "panels": [{"targets": [{"expr": OLD}, {"expr": "up"}]}]}
RULES = "# ours\ngroups:\n- name: a\n  rules:\n  - {alert: b, expr: '%s'}\n"


def read(texts, *objects, behind=("cart",)):
    return plain_files(texts, context(index(*(objects or CART)), *behind))


@pytest.mark.parametrize(
    ("path", "text", "now"),
    [
        ("a.json", json.dumps(BOARD, indent=3), json.dumps(BOARD, indent=3).replace(json.dumps(OLD), json.dumps(NEW))),
        ("a.json", json.dumps({"dashboard": BOARD}), json.dumps({"dashboard": BOARD}).replace(json.dumps(OLD), json.dumps(NEW))),
        ("a.yaml", RULES % OLD, RULES % NEW),
        ("a.yaml", (RULES % OLD).replace("\n", "\r\n"), (RULES % NEW).replace("\n", "\r\n")),
    ],
)  # fmt: skip
def test_their_queries_ask_waypoints_too_and_their_layout_stays(path, text, now):
    (found,) = read({path: text})
    assert (found.path, found.text, found.queries, found.losses) == (path, now, 1, ())
    (again,) = read({path: now})
    assert (again.text, again.queries) == (now, 0)


def test_what_nobody_answers_is_lost_of_the_file():
    found = read({"boards/a.json": json.dumps(BOARD)}, behind=())
    assert [(str(each.object), each.field) for each in found[0].losses] == [("File boards/a.json", "panels[0].targets[0].expr")]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"apiVersion": "v1", "kind": "ConfigMap", **BOARD}),
        "kind: PrometheusRule\n" + RULES % OLD,
        json.dumps({"values": BOARD["panels"]}),
        json.dumps({"panels": []}),
        json.dumps(BOARD)[:-5],
        "groups: [",
        "istio_requests_total",
    ],
)
def test_objects_and_anything_else_are_left(text):
    assert read({"a.json": text}) == ()


def test_where_nobody_moves_nothing_is_asked_anew():
    assert read({"a.json": json.dumps(BOARD)}, *pods("cart", "none"), service("cart")) == ()


RECORDED = "groups:\n- name: a\n  rules:\n  - {record: 'shop:lost', expr: 'sum(rate(envoy_cluster_upstream_rq[5m]))'}\n"
CHAINED = "namespace: mimir\ngroups:\n- name: b\n  rules:\n  - {record: 'shop:worse', expr: 'shop:lost * 2'}\n"


def test_objects_follow_what_plain_files_record():
    """Through rules of other files too, which do not name the mesh at all."""
    alert = {"groups": [{"name": "g", "rules": [{"alert": "a", "expr": "shop:worse > 1"}]}]}
    rule = m.o.thing("monitoring.coreos.com/v1", "PrometheusRule", m.o.meta("alerts", "shop"), spec=alert)
    found = context(index(*CART, rule), "cart")
    assert not convert(found).losses
    with_rules_beside(found, rules_in({"a.yaml": RECORDED, "b.yml": CHAINED, "c.yaml": "kind: Job\n" + RECORDED}))
    assert set(recorded(found)) == {"shop:lost", "shop:worse"}
    (loss,) = convert(found).losses
    assert (loss.object.kind, loss.field) == ("PrometheusRule", "spec.groups[0].rules[0].expr")
    assert "shop:worse" in loss.did


def test_values_of_a_chart_of_prometheus():
    values = "serverFiles:\n  recording_rules.yml:\n    # ours\n    groups:\n    - {name: a, rules: [{alert: b, expr: '%s'}]}\n"
    (found,) = read({"values.yaml": values % OLD})
    assert (found.text, found.queries) == (values % NEW, 1)
    assert read({"values.yaml": "serverFiles: {a: {groups: [x], note: istio_requests_total}}\n"}) == ()


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("PrometheusServiceLevel", {"slos": [{"sli": {"events": {"errorQuery": OLD}}}]}),
        ("DatadogMonitor", {"query": "avg(last_5m):avg:istio.mesh.request.count{*} > 1"}),
    ],
)
def test_kinds_that_nothing_is_known_of_are_named(kind, spec):
    tree = m.o.thing("example.com/v1", kind, m.o.meta("own", "shop"), spec=spec)
    (loss,) = convert(context(index(*CART, tree), "cart")).losses
    assert (str(loss.object), loss.severity) == (f"{kind} shop/own", "observability")
    quiet = m.o.thing("example.com/v1", kind, m.o.meta("own", "shop"), spec={"query": "up"})
    assert not convert(context(index(*CART, quiet), "cart")).losses
    assert not convert(context(index(*pods("cart", "none"), tree))).losses
