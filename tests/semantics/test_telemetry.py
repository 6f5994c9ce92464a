"""Telemetry objects: which count for a proxy, and what a later one leaves of an earlier one."""

import pytest
from tests.support.mesh import mesh, o
from tests.support.scenes import mesh_config

from sidestep.semantics.authorization.policy import TargetRef
from sidestep.semantics.span_exporters import Exporter
from sidestep.semantics.telemetry import CLIENT, SERVER, LogFormat, Logging, Observed, Tag, Telemetries, Tracing

PROVIDERS = [
    {"name": "spans", "opentelemetry": {"service": "ns/collector.example", "port": 4317}},
    {"name": "over-http", "opentelemetry": {"service": "collector.example", "port": 4318, "http": {}}},
    {"name": "zipkin", "zipkin": {"service": "zipkin.example", "port": 9411}},
    {"name": "text", "envoyFileAccessLog": {"path": "/dev/stdout", "logFormat": {"text": "%REQ(:PATH)%"}}},
    {"name": "labels", "envoyFileAccessLog": {"path": "/dev/stdout", "logFormat": {"labels": {"a": "%PROTOCOL%"}}}},
]
PLAIN = Logging(LogFormat())
SPANS = Tracing(Exporter("collector.example", 4317))
GATEWAY = TargetRef("gateway.networking.k8s.io", "Gateway", "waypoint")


def telemetry(name, space="shop", app="", created="2026-01-01T00:00:00Z", **spec):
    if app:
        spec["selector"] = {"matchLabels": {"app": app}}
    made = o.istio("Telemetry", name, space, spec)
    made["metadata"]["creationTimestamp"] = created
    return made


def seen(*objects, side=SERVER, app="cart", targets=(), **config):
    everything = mesh(mesh_config(extensionProviders=PROVIDERS, **config), *objects)
    return Telemetries(everything, "istio-system").of(side, "shop", {"app": app}, targets)


def logging(*providers, **more):
    return {"accessLogging": [{"providers": [{"name": each} for each in providers], **more}]}


def tracing(provider="", **more):
    return {"tracing": [{**({"providers": [{"name": provider}]} if provider else {}), **more}]}


def test_where_nobody_asks_nothing_is_seen():
    assert seen() == Observed()
    assert seen(telemetry("other", "elsewhere", **logging("envoy"))) == Observed()


@pytest.mark.parametrize(
    ("config", "form"),
    [
        ({"accessLogFile": "/dev/stdout"}, LogFormat()), ({"accessLogFile": "/dev/stdout", "accessLogEncoding": "JSON"}, LogFormat(json=True)),
        ({"accessLogFile": "/dev/stdout", "accessLogFormat": "mine"}, LogFormat("mine")),
        ({"defaultProviders": {"accessLogging": ["labels"]}}, LogFormat(labels=(("a", "%PROTOCOL%"),), json=True)),
    ],
)  # fmt: skip
def test_logs_of_the_mesh_configuration(config, form):
    assert seen(**config).logs == (Logging(form),)


def test_a_nearer_object_replaces_what_it_names_and_leaves_the_rest():
    root = telemetry("root", "istio-system", **logging("envoy"), **tracing("spans", randomSamplingPercentage=5))
    space = telemetry("space", **logging(filter={"expression": "response.code >= 500"}))
    own = telemetry("own", app="cart", **logging("text"), **tracing(customTags={"a": {"literal": {"value": "b"}}}))
    found = seen(root, space, own)
    assert found.logs == (Logging(LogFormat("%REQ(:PATH)%"), "response.code >= 500"),)
    assert found.tracing == Tracing(Exporter("collector.example", 4317), 5.0, (Tag("a", "literal", "b"),))
    assert seen(root, space, own, app="web").logs == (Logging(LogFormat(), "response.code >= 500"),)


def test_the_older_of_one_level_counts():
    late = telemetry("a", **logging("text"), created="2026-02-01T00:00:00Z")
    assert seen(late, telemetry("b", **logging("envoy"))).logs == (PLAIN,)


@pytest.mark.parametrize(
    ("mode", "sides"), [("CLIENT", {CLIENT}), ("SERVER", {SERVER}), ("CLIENT_AND_SERVER", {CLIENT, SERVER})]
)
def test_a_direction_may_be_named(mode, sides):
    asked = telemetry("t", **logging("envoy", match={"mode": mode}))
    assert {side for side in (CLIENT, SERVER) if seen(asked, side=side).logs} == sides


def test_what_is_switched_off_is_not_seen():
    off = telemetry("off", **logging(disabled=True), **tracing(disableSpanReporting=True))
    on = telemetry("on", "istio-system", **logging("envoy"), **tracing("spans"))
    assert seen(on).logs == (PLAIN,)
    assert seen(on, off) == Observed()


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ("spans", SPANS),
        ("over-http", Tracing(Exporter("collector.example", 4318, "/", "3s"))),
        ("zipkin", None),
        ("nobody", None),
    ],
)
def test_collectors(provider, expected):
    assert seen(telemetry("t", **tracing(provider))).tracing == expected
    assert seen(defaultProviders={"tracing": [provider]}).tracing == expected


def test_the_share_of_the_mesh_configuration_holds_where_nobody_names_one():
    found = seen(telemetry("t", **tracing("spans")), defaultConfig={"tracing": {"sampling": 40}})
    assert found.tracing.percent == 40


def test_waypoints_read_what_is_attached_to_them_and_no_selector():
    attached = telemetry(
        "t", targetRefs=[{"group": GATEWAY.group, "kind": "Gateway", "name": "waypoint"}], **logging("envoy")
    )
    assert seen(attached, targets=(GATEWAY,)).logs == (PLAIN,)
    assert seen(attached).logs == ()
    service = telemetry("s", targetRefs=[{"group": "", "kind": "Service", "name": "cart"}], **tracing("spans"))
    assert seen(service, targets=(TargetRef("", "Service", "cart"), GATEWAY)).tracing == SPANS
    assert seen(service, targets=(TargetRef("", "Service", "other"), GATEWAY)).tracing is None
    assert seen(telemetry("t", app="cart", **logging("envoy")), targets=(GATEWAY,)).logs == ()


@pytest.mark.parametrize(
    "spec", [{"selector": 5}, {"accessLogging": "x", "tracing": [5]}, {"tracing": [{"providers": "x"}]}]
)
def test_what_cannot_be_read_counts_for_nothing(spec):
    assert seen(o.istio("Telemetry", "t", "shop", spec)) == Observed()


def test_a_collector_that_the_mesh_does_not_know_is_told_nothing():
    """Istiod finds no cluster for it."""
    everything = mesh(mesh_config(extensionProviders=PROVIDERS, defaultProviders={"tracing": ["spans"]}))

    def found(*known):
        return Telemetries(everything, "istio-system", known)

    assert found("collector.example").of(SERVER, "shop", {}).tracing == SPANS
    assert found().of(SERVER, "shop", {}).tracing is None
    assert list(found("collector.example").unheeded()) == []
    assert list(found().unheeded()) == [
        "extensionProviders 'spans': there is no service collector.example: no span is made"
    ]


def test_what_is_not_carried_out_is_said_of_providers_that_somebody_asks_for():
    config = mesh_config(extensionProviders=PROVIDERS)
    asked = Telemetries(mesh(config, telemetry("t", **tracing("zipkin"))), "istio-system")
    assert list(asked.unheeded()) == [
        "extensionProviders 'zipkin': zipkin is not spoken here, and no span is made for it"
    ]
    assert list(Telemetries(mesh(config), "istio-system").unheeded()) == []
