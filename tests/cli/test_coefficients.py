"""What load costs a waypoint, from a file of one's own."""

import json
from pathlib import Path

import pytest
from tests.support.commands import sidestep

from sidestep.cli.coefficients import coefficients_in
from sidestep.errors import SidestepError
from sidestep.lab.agent.histogram import Histogram
from sidestep.lab.bench.coefficients import coefficients
from sidestep.lab.bench.samples import Sample
from sidestep.plan.waypoints.coefficients import Coefficients

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "shop.yaml"


def sample(cpu, count=1000):
    return Sample("l7", "1000/s", 0, count, 0, 1.0, Histogram(), cpu, 0.0)


def test_what_a_benchmark_writes_is_what_a_plan_reads(tmp_path):
    file = tmp_path / "bench.json"
    found = coefficients(
        [sample({"waypoint": 0.2, "node": 0.1}), sample({"waypoint": 0.3}), sample({"waypoint": 0.25})]
    )
    file.write_text(json.dumps({"kind": "Bench", "coefficients": found}))
    read = coefficients_in(str(file))
    assert read.millicores_per_1000_rps == 250
    assert str(file) in read.source("millicores_per_1000_rps")
    assert read.memory_base_bytes == Coefficients().memory_base_bytes


def test_nothing_is_said_of_waypoints_where_none_was_measured():
    assert coefficients([sample({"node": 0.1})]) == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{}", "has no coefficients"),
        ('{"coefficients": {"millicores": 3}}', "no such coefficient: millicores"),
        ('{"coefficients": {"millicoresPer1000Rps": "much"}}', "is 'much', and no number"),
        ('{"coefficients": {"millicoresPer1000Rps": -1}}', "which no waypoint takes"),
        ('{"coefficients": {"millicoresPer1000Rps": .nan}}', "which no waypoint takes"),
        ("[", "is no YAML"),
    ],
)
def test_a_file_that_says_nothing_of_use(tmp_path, content, message):
    file = tmp_path / "bench.json"
    file.write_text(content)
    with pytest.raises(SidestepError, match=message):
        coefficients_in(str(file))


def test_a_plan_sizes_waypoints_by_them(tmp_path):
    file = tmp_path / "measured.yaml"
    file.write_text("coefficients: {millicoresPer1000Rps: 250000}\n")
    sizes = []
    for more in ((), ("--coefficients", str(file))):
        done = sidestep("plan", "--from", EXAMPLE, "-o", "json", "-q", *more)
        (waypoint,) = json.loads(done.stdout)["waypoints"]
        sizes.append(waypoint["size"]["replicas"])
    assert sizes[1] > sizes[0]
