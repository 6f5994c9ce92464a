"""Collectors of spans: how they are told, and what of it is not carried out."""

import pytest

from sidestep.semantics.span_exporters import Exporter, exporter, unheeded_exporters

KEY = {"name": "x-key", "value": "secret"}
OF_ISTIOD = {"name": "x-token", "envName": "TOKEN"}


def provider(**said):
    return {"name": "spans", "opentelemetry": {"service": "tools/Collector.example", "port": 4317, **said}}


def unheeded(**said):
    prefix = "extensionProviders 'spans': opentelemetry."
    found = unheeded_exporters({"extensionProviders": [provider(**said)]}, {"spans"})
    return [each.removeprefix(prefix).removesuffix(" is not carried out") for each in found]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, Exporter("collector.example", 4317)),
        ({"grpc": {"timeout": "2s", "initialMetadata": [KEY]}}, Exporter("collector.example", 4317, "", "2s", (("x-key", "secret"),))),
        ({"http": {}}, Exporter("collector.example", 4317, "/", "3s")),
        ({"http": {"path": "v1/traces", "timeout": "500ms", "headers": [KEY]}}, Exporter("collector.example", 4317, "/v1/traces", "500ms", (("x-key", "secret"),))),
        ({"maxTagLength": 20}, Exporter("collector.example", 4317, longest_path=20)),
        ({"resourceDetectors": {"dynatrace": {}, "environment": {}}}, Exporter("collector.example", 4317, detectors=("environment", "dynatrace"))),
    ],
)  # fmt: skip
def test_what_is_carried_out(said, expected):
    assert exporter(provider(**said)) == expected
    assert unheeded(**said) == []


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        ({"dynatraceSampler": {"tenant": "a"}, "serviceAttributeEnrichment": "X"}, ["dynatraceSampler", "serviceAttributeEnrichment"]),
        ({"http": {"path": "/", "headers": [KEY, OF_ISTIOD]}}, ["http.headers[1].envName"]),
        ({"grpc": {"initialMetadata": [OF_ISTIOD], "else": 1}}, ["grpc.else", "grpc.initialMetadata[0].envName"]),
        ({"http": {}, "grpc": {}}, ["grpc"]),
        ({"resourceDetectors": {"aws": {}}}, ["resourceDetectors.aws"]),
    ],
)  # fmt: skip
def test_what_is_not_carried_out_is_named_by_field(said, fields):
    assert unheeded(**said) == fields


def test_a_header_whose_value_istiod_has_is_left_out():
    found = exporter(provider(http={"headers": [OF_ISTIOD, KEY]}))
    assert found is not None
    assert found.headers == (("x-key", "secret"),)


def test_other_kinds_are_named_where_they_are_asked_for():
    values = {
        "extensionProviders": [{"name": "z", "zipkin": {"service": "z", "port": 1}}, {"name": "p", "prometheus": {}}]
    }
    assert list(unheeded_exporters(values, {"p"})) == []
    (said,) = unheeded_exporters(values, {"z", "p"})
    assert said.startswith("extensionProviders 'z': zipkin is not spoken here")
    assert exporter(values["extensionProviders"][0]) is None


@pytest.mark.parametrize("said", [{"service": ""}, {"port": "4317"}, {"port": None}])
def test_without_a_service_and_a_port_nobody_is_told(said):
    assert exporter(provider(**said)) is None
