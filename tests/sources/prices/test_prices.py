"""Price files, good and bad, and OpenCost's API."""

import json

import pytest
from tests.support.http import answering

from sidestep.errors import TransportError, WorldError
from sidestep.model.prices import Rate
from sidestep.sources.prices import load_prices
from sidestep.sources.prices.opencost import with_opencost


def book(tmp_path, text):
    path = tmp_path / "prices.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_prices(str(path))


def test_the_vendored_tables_are_there_and_dated():
    found = load_prices()
    assert {"aws", "azure", "gcp"} == set(found.tables)
    assert found.tables["aws"]["us-east-1"]["m6i.xlarge"] == 0.192
    assert found.tables["azure"]["eastus"]["Standard_D4s_v5"] == 0.192
    assert found.tables["gcp"]["us-central1"]["n2-standard-4"] == pytest.approx(0.19424, abs=1e-4)
    assert found.date.count("2026-") == 3
    prices = [price for regions in found.tables.values() for table in regions.values() for price in table.values()]
    assert all(0 < price < 500 for price in prices)


def test_the_example_of_the_documentation(tmp_path):
    found = load_prices("docs/examples/prices.yaml")
    assert found.instances == {"x9z.weird": 0.75}
    assert [discount.fraction for discount in found.discounts] == [0.28, 0.65]


def test_an_empty_file_changes_nothing_but_the_source(tmp_path):
    assert book(tmp_path, "{}").tables == load_prices().tables


def test_a_rate_of_ones_own(tmp_path):
    assert book(tmp_path, "rate: {vcpuHour: 0.02, gibHour: 0}").rate == Rate(0.02, 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("instances: {a: -1}", "instances.a is -1"),
        ("instances: {a: 99999}", "expected 0 to 10,000"),
        ("instances: {a: .nan}", ".nan"),
        ("instances: {a: cheap}", "Expected `float`"),
        ("rate: {vcpuHour: 1}", "gibHour"),
        ("discounts: [{fraction: 2}]", r"discounts\[0\].fraction is 2"),
        ("discounts: [{fraction: 0.1, capacity: weekends}]", "weekends"),
        ("discounts: [{}]", "fraction"),
        ("prices: {}", "unknown field `prices`"),
        ("crossZoneGib: -0.1", "crossZoneGib"),
        ("- a", "Expected `object`"),
        ("", "Expected `object`"),
        ("a: [", "prices.yaml:"),
        (b"\xff\xfe\x00", "prices.yaml"),
    ],
)
def test_a_bad_file_names_the_field(tmp_path, text, told):
    with pytest.raises(WorldError, match=told) as error:
        book(tmp_path, text)
    assert "prices.yaml" in error.value.where
    assert error.value.remedy


def test_a_file_that_is_not_there():
    with pytest.raises(WorldError, match="No such file"):
        load_prices("/nowhere/prices.yaml")


def asset(name, hours, cost):
    return {"type": "Node", "properties": {"name": name}, "minutes": hours * 60, "totalCost": cost}


def test_opencost_tells_what_nodes_cost_an_hour():
    body = json.dumps({"code": 200, "data": [{"a": asset("n1", 24, 4.8), "b": asset("n2", 12, 1.2)}]})
    with answering(body=body.encode()) as url:
        found = with_opencost(load_prices(), url)
    assert found.nodes == pytest.approx({"n1": 0.2, "n2": 0.1})
    assert "OpenCost" in found.source


@pytest.mark.parametrize(
    "answer",
    [
        {"body": b"<html>login</html>"}, {"body": b'{"data": []}'}, {"body": b'{"data": [{"a": {}}]}'}, {"body": b"[]"},
        {"body": b'{"data": [{"a": 3}]}'}, {"status": 503}, {"status": 302}, {"body": b'{"data": [', "length": 99},
    ],
    ids=str,
)  # fmt: skip
def test_an_opencost_that_answers_otherwise(answer):
    with answering(**answer) as url, pytest.raises(TransportError) as error:
        with_opencost(load_prices(), url)
    assert error.value.remedy


def test_an_opencost_that_is_not_there():
    with pytest.raises(TransportError):
        with_opencost(load_prices(), "http://127.0.0.1:9")
