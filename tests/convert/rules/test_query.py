"""Alerts and dashboards in objects."""

import json

from tests.support.conversions import context, manifests, one, severities
from tests.support.scenes import index, m, pods, service

from sidestep.convert.rules.query import RULE as REWRITE

EXPR = 'sum(rate(istio_requests_total{reporter="destination"}[5m]))'
NOW = 'sum(rate(istio_requests_total{reporter=~"destination|waypoint"}[5m]))'
CART = [*pods("cart"), service("cart")]


def alerts(expr=EXPR):
    found = m.o.thing("monitoring.coreos.com/v1", "PrometheusRule", m.o.meta("alerts", "shop"))
    return {
        **found,
        "spec": {"groups": [{"name": "g", "interval": "1m", "rules": [{"alert": "a", "expr": expr, "for": "5m"}]}]},
    }


def rewrite(tree, *objects, behind=("cart",), **how):
    found = context(index(*(objects or CART), tree), *behind, **how)
    return one(REWRITE, found, tree["kind"], tree["metadata"]["name"])


def test_alerts_ask_waypoints_too():
    given = rewrite(alerts())
    assert manifests(given)["alerts"]["spec"] == alerts(NOW)["spec"]
    assert not given.losses
    assert not rewrite(manifests(given)["alerts"]).changes


def test_dashboards_in_config_maps():
    dashboard = {"panels": [{"targets": [{"expr": EXPR}]}], "title": "t"}
    data = {"board.json": json.dumps(dashboard, indent=1), "other": "x: istio_requests_total"}
    tree = m.o.thing("v1", "ConfigMap", m.o.meta("boards", "shop"), data=data)
    made = manifests(rewrite(tree))["boards"]["data"]
    assert made == {**data, "board.json": data["board.json"].replace(json.dumps(EXPR), json.dumps(NOW))}


def test_dashboards_of_grafanas_operator():
    spec = {"json": json.dumps({"panels": [{"targets": [{"expr": EXPR}]}]}), "folder": "f"}
    tree = {**m.o.thing("grafana.integreatly.org/v1beta1", "GrafanaDashboard", m.o.meta("board", "shop")), "spec": spec}
    made = manifests(rewrite(tree))["board"]["spec"]
    assert json.loads(made["json"])["panels"][0]["targets"][0]["expr"] == NOW
    assert made["folder"] == "f"


def test_without_waypoints_http_is_not_counted():
    given = rewrite(alerts(), behind=())
    assert severities(given.losses) == [("observability", "spec.groups[0].rules[0].expr")]


def test_others_stay():
    for tree in (alerts("up == 0"), alerts('istio_tcp_sent_bytes_total{reporter="source"}'), alerts(7)):
        given = rewrite(tree, behind=())
        assert not given.changes
        assert not given.losses
    assert not rewrite(alerts(), moving=()).changes
