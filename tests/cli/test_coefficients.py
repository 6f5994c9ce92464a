"""What load costs a waypoint, from a file of one's own."""

import json
from pathlib import Path

import pytest
from tests.support.commands import sidestep

from sidestep.cli.coefficients import coefficients_in
from sidestep.errors import SidestepError
from sidestep.lab.agent.histogram import Histogram
from sidestep.lab.bench.coefficients import coefficients
from sidestep.lab.bench.measuring import Load
from sidestep.lab.bench.outcome import Asked, Bench, Machine
from sidestep.lab.bench.samples import Sample
from sidestep.plan.waypoints.coefficients import Coefficients

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "shop.yaml"


STEADY = Load("1000/s", "paced", 1000, 1.0, 8, size=1000)
LARGER = [Load("answers", "paced", 1000, 1.0, 8, size=101_000), Load("requests", "paced", 1000, 1.0, 8, 1000, 200_000)]


def sample(cpu, load=STEADY):
    return Sample("l7", load.name, 0, 1000, 0, 1.0, Histogram(), cpu, 0.0)


def told(*samples, **more):
    bench = Bench("1", Machine("any", 2, "6", "1.40.0", 0.5), Asked(streams=100), {"l7": "L7"}, samples, **more)
    return coefficients(bench, STEADY, LARGER, ["l7"])


def test_what_a_benchmark_writes_is_what_a_plan_reads(tmp_path):
    file = tmp_path / "bench.json"
    found = told(sample({"waypoint": 0.2, "node": 0.1}), sample({"waypoint": 0.3}), sample({"waypoint": 0.25}))
    file.write_text(json.dumps({"kind": "Bench", "coefficients": found}))
    read = coefficients_in(str(file))
    assert read.millicores_per_1000_rps == 250
    assert str(file) in read.source("millicores_per_1000_rps")
    assert read.memory_base_bytes == Coefficients().memory_base_bytes


def test_nothing_is_said_of_waypoints_where_none_was_measured():
    assert told(sample({"node": 0.1}), streams={"l7": {"node": 5.0}}) == {}


def test_larger_loads_tell_what_bytes_cost_and_streams_what_connections_do(tmp_path):
    """0.1 s more for a thousand requests of 100 kB more: 1 ms of a core for each MB; of requests half of that."""
    more = [sample({"waypoint": 0.3}, LARGER[0]), sample({"waypoint": 0.3}, LARGER[1])]
    found = told(sample({"waypoint": 0.2}), *more, streams={"l7": {"waypoint": 6.4e6, "node": 1e6}})
    assert found == {"millicoresPer1000Rps": 200, "millicoresPerMbS": 0.75, "bytesPerConnection": 64_000}
    file = tmp_path / "bench.json"
    file.write_text(json.dumps({"coefficients": found}))
    assert coefficients_in(str(file)).millicores_per_mb_s == 0.75


def test_what_a_larger_load_seems_to_spare_is_nothing():
    assert "millicoresPerMbS" not in told(sample({"waypoint": 0.2}), sample({"waypoint": 0.1}, LARGER[0]))


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
