"""Dashboards and rule files that are no objects."""

import json

import pytest
from tests.support.conversions import context
from tests.support.scenes import index, pods, service

from sidestep.convert.promql.plain_files import plain_files

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
