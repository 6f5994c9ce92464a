"""A small benchmark of a real lab."""

import json

import pytest
from tests.support.lab_command import shell

pytestmark = pytest.mark.real


def test_two_planes_are_measured_and_nothing_is_left():
    with shell() as user:
        done = user.run(
            "bench", "--scenario", "l4", "--rounds", "1", "--duration", "500ms", "--rate", "100", "--connections", "4",
            "--pods", "1", "--starts", "1", "-o", "json", "-q",
        )  # fmt: skip
        assert done.stderr == ""
        told = json.loads(done.stdout)
        assert user.left() == []
    assert (told["kind"], told["failures"]) == ("Bench", {})
    assert {each["scenario"] for each in told["samples"]} == {"none", "l4"}
    paced = {each["scenario"]: each for each in told["samples"] if each["load"] == "100/s"}
    assert [each["count"] for each in paced.values()] == [50, 50]
    assert all(sum(each["latency"]["buckets"].values()) == 50 for each in paced.values())
    assert paced["l4"]["cpu"]["node"] > paced["none"]["cpu"].get("node", 0) * 2
    assert all(len(each) == 1 and each[0] > 0 for each in told["starts"].values())
