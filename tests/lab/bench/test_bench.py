"""A small benchmark of a real lab."""

import json

import pytest
from tests.support.lab_command import shell

pytestmark = pytest.mark.real


def test_two_planes_are_measured_and_nothing_is_left():
    with shell() as user:
        done = user.run(
            "bench", "--scenario", "l7", "--rounds", "1", "--duration", "500ms", "--rate", "100", "--connections", "4",
            "--pods", "1", "--starts", "1", "--streams", "20", "--sizes", "64", "--bodies", "32", "--edits", "1", "-o", "json", "-q",
        )  # fmt: skip
        assert done.stderr == ""
        told = json.loads(done.stdout)
        assert user.left() == []
    assert (told["kind"], told["failures"]) == ("Bench", {})
    assert {each["scenario"] for each in told["samples"]} == {"none", "l7"}
    paced = {each["scenario"]: each for each in told["samples"] if each["load"] == "100/s"}
    assert [each["count"] for each in paced.values()] == [50, 50]
    assert all(sum(each["latency"]["buckets"].values()) == 50 for each in paced.values())
    assert {each["scenario"]: each["count"] for each in told["samples"] if each["load"] == "20 streams"} == {
        "none": 10,
        "l7": 10,
    }
    assert told["streams"].keys() == {"none", "l7"}
    # How many bytes is a figure, and an allocator may give some back meanwhile: that the proxy was asked is the point.
    assert "node" in told["streams"]["l7"]
    assert paced["l7"]["cpu"]["node"] > 0
    assert all(len(each) == 1 and each[0] > 0 for each in told["starts"].values())
    edits = told["edits"]["l7"]
    assert [(each["what"], each["cut"]) for each in edits] == [("policy", 0)] * 2 + [("route", 0)] * 2
    assert all(each["seconds"] > 0 for each in edits)
    large = {each["scenario"]: each for each in told["samples"] if each["load"] == "answers of 64 KiB, 100/s"}
    assert [(each["count"], each["failed"]) for each in large.values()] == [(50, 0), (50, 0)]
    bodies = {each["scenario"]: each for each in told["samples"] if each["load"] == "requests of 32 KiB, 100/s"}
    assert [(each["count"], each["failed"]) for each in bodies.values()] == [(50, 0), (50, 0)]
    most = {each["scenario"]: each for each in told["samples"] if each["load"] == "saturation"}
    assert [each["failed"] for each in most.values()] == [0, 0]
    assert all(each["count"] > 0 for each in most.values())
