"""Alerts and dashboards in objects."""

import json

import pytest
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


ENVOY = "sum(rate(envoy_cluster_upstream_rq_5xx[5m]))"
RECORDS = [{"record": "mesh:errors:rate5m", "expr": ENVOY}, {"record": "mesh:errors:max1h", "expr": "max_over_time(mesh:errors:rate5m[1h])"}]  # fmt: skip


def rules(name, *found):
    tree = m.o.thing("monitoring.coreos.com/v1", "PrometheusRule", m.o.meta(name, "shop"))
    return {**tree, "spec": {"groups": [{"name": "g", "rules": list(found)}]}}


def held(name, **data):
    return m.o.thing("v1", "ConfigMap", m.o.meta(name, "shop"), data=data)


DEPENDENTS = {
    "rules": rules("asking", {"alert": "a", "expr": "mesh:errors:max1h > 1"}),
    "a rule file": held("asking", **{"rules.yml": "groups:\n- name: g\n  rules:\n  - alert: a\n    expr: 'mesh:errors:max1h > 1'\n"}),
    "a dashboard": held("asking", **{"a.json": json.dumps({"panels": [{"targets": [{"expr": "mesh:errors:max1h"}]}]})}),
}  # fmt: skip


@pytest.mark.parametrize("name", DEPENDENTS)
@pytest.mark.parametrize("recorder", [rules("recording", *RECORDS), held("recording", **{"r.yml": json.dumps({"groups": [{"name": "g", "rules": RECORDS}]})})], ids=["rules", "config map"])  # fmt: skip
def test_who_asks_what_is_recorded_of_sidecars_alone_asks_in_vain(name, recorder):
    tree = DEPENDENTS[name]
    given = rewrite(tree, *CART, recorder)
    assert not given.changes
    (lost,) = given.losses
    assert lost.did.startswith("it asks mesh:errors:max1h, which a rule records: envoy_cluster_upstream_rq_5xx")
    assert lost.field.endswith("expr")
    assert not rewrite(tree).losses
    fine = [{**each, "expr": each["expr"].replace("envoy_cluster_upstream_rq_5xx", "up")} for each in RECORDS]
    assert not rewrite(tree, *CART, rules("recording", *fine)).losses


def test_series_that_are_recorded_of_http_need_a_waypoint():
    recorder = rules("recording", {"record": "mesh:requests:rate5m", "expr": EXPR})
    tree = rules("asking", {"alert": "a", "expr": "mesh:requests:rate5m > 1"})
    assert not rewrite(tree, *CART, recorder).losses
    (lost,) = rewrite(tree, *CART, recorder, behind=()).losses
    assert "mesh:requests:rate5m" in lost.did


def test_patterns_of_names_are_names():
    (lost,) = rewrite(alerts('{__name__=~"envoy_cluster_upstream_.*"}')).losses
    assert "envoy_cluster_upstream_.*" in lost.did


@pytest.mark.parametrize(
    ("version", "kind", "spec"),
    [
        ("flagger.app/v1beta1", "MetricTemplate", lambda query: {"provider": {"type": "prometheus"}, "query": query}),
        (
            "argoproj.io/v1alpha1",
            "AnalysisTemplate",
            lambda query: {"metrics": [{"name": "m", "provider": {"prometheus": {"query": query}}}]},
        ),
        (
            "keda.sh/v1alpha1",
            "ScaledObject",
            lambda query: {"triggers": [{"type": "prometheus", "metadata": {"query": query}}]},
        ),
    ],
)
def test_what_decides_by_queries_asks_waypoints_too(version, kind, spec):
    query = 'sum(rate(istio_requests_total{reporter="destination",app="{{ args.name }}"}[{{ interval }}]))'
    tree = {**m.o.thing(version, kind, m.o.meta("asking", "shop")), "spec": spec(query)}
    made = manifests(rewrite(tree))["asking"]["spec"]
    assert made == spec(query.replace('="destination"', '=~"destination|waypoint"'))
