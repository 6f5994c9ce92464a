"""What gates ask a Prometheus for is what proxies count: their queries find a lab's own metrics by Istio's names."""

import re

import pytest
from tests.support.labs import ambient, eventually, lab, workload
from tests.support.prometheus import END, prometheus

from sidestep.actions.gates.prometheus import Measured
from sidestep.lab.api import messages as api
from sidestep.model.metadata import WorkloadRef
from sidestep.plan.gates import gates
from sidestep.rehearse.looks import Taken, connections
from sidestep.sources.telemetry.access import PrometheusAccess

pytestmark = pytest.mark.real
SAMPLE = re.compile(r"^(\w+\{.*\}) (\S+)$")
CALLS = 9
CART = WorkloadRef("shop", "Deployment", "cart")


def counted():
    """Metrics after some calls, the last two minutes of them."""
    with lab(ambient("shop"), *workload("web"), *workload("cart")) as made:
        assert all(made.call("shop/web", "http://cart/")[0].ok for _ in range(CALLS))
        assert eventually(
            lambda: connections(made.client.ask(api.Metrics())).get(("shop", "cart"), Taken()).opened == CALLS
        )
        return made.client.ask(api.Metrics())


def past(text):
    """As if everything had been counted between one and two minutes ago."""
    for line in text.splitlines():
        if met := SAMPLE.match(line):
            yield from (f"{met[1]} {value} {END - ago}" for ago, value in ((120, 0), (60, met[2]), (0, met[2])))


def test_queries_of_gates_find_what_node_proxies_count(tmp_path):
    text = counted()
    own = {gate.name: gate.reading for gate in gates({CART: ()})}
    with prometheus(tmp_path, past(text)) as url:
        measured = Measured(PrometheusAccess(url), lambda: END)
        found = {
            (name, part): measured(getattr(own[name], part), 150)
            for name in ("failed-connections", "certificates")
            for part in ("all", "bad")
        }
        measured.close()
    assert found["failed-connections", "bad"] == 0
    assert found["certificates", "bad"] == 0
    for name in ("failed-connections", "certificates"):
        assert found[name, "all"] == pytest.approx(CALLS, rel=0.4), "as far as Prometheus extrapolates"
