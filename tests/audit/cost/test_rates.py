"""Prices of nodes, split between CPU and memory: the table of OpenCost's own arithmetic."""

import pytest
from tests.support.mesh import mesh, o

from sidestep.audit.cost.rates import monthly, node_rate, rates
from sidestep.model.kinds import NODE
from sidestep.model.prices import Discount, PriceBook, Rate
from sidestep.model.quantity import Resources
from sidestep.sources.prices import load_prices

BOOK = load_prices()


def node(kind: str, cpus: int, gib: float, *, region="us-east-1", provider="aws:///us-east-1a/i-1", **labels):
    tree = o.node("n1", kind, (cpus, 16), "a", "g")
    tree["metadata"]["labels"] |= {"topology.kubernetes.io/region": region, **labels}
    tree["status"]["capacity"] = {"cpu": str(cpus), "memory": f"{int(gib * 2**30)}"}
    tree["spec"] = {"providerID": provider}
    return tree


def rate_of(tree, book=BOOK):
    (found,) = mesh(tree).of(NODE)
    return node_rate(found, book)


@pytest.mark.parametrize(
    ("kind", "cpus", "gib", "hourly", "vcpu", "per_gib"),
    [
        ("m6i.xlarge", 4, 16, 0.192, 0.03125, 0.004188),
        ("m6i.2xlarge", 8, 32, 0.384, 0.03125, 0.004188),
        ("m5a.xlarge", 4, 16, 0.172, 0.02799, 0.003752),
        ("m7i.xlarge", 4, 16, 0.2016, 0.03281, 0.004398),
        ("c6i.xlarge", 4, 8, 0.170, 0.03352, 0.004492),
        ("r6i.xlarge", 4, 32, 0.252, 0.03040, 0.004075),
        ("t3.xlarge", 4, 16, 0.1664, 0.02708, 0.003630),
    ],
)
def test_aws(kind, cpus, gib, hourly, vcpu, per_gib):
    found = rate_of(node(kind, cpus, gib))
    assert found.assumed is None
    assert found.hourly == pytest.approx(hourly)
    assert found.rate.vcpu_hour == pytest.approx(vcpu, rel=1e-3)
    assert found.rate.gib_hour == pytest.approx(per_gib, rel=1e-3)


@pytest.mark.parametrize(
    ("kind", "gib", "hourly", "vcpu", "per_gib"),
    [
        ("e2-standard-4", 16, 0.13402, 0.02181, 0.002923),
        ("n1-standard-4", 15, 0.18999, 0.03161, 0.004237),
        ("n2-standard-4", 16, 0.19424, 0.03161, 0.004237),
        ("c4-standard-4", 15, 0.19767, 0.03289, 0.004408),
    ],
)
def test_gcp(kind, gib, hourly, vcpu, per_gib):
    found = rate_of(node(kind, 4, gib, region="us-central1", provider="gce://p/us-central1-a/n"))
    assert found.hourly == pytest.approx(hourly, rel=1e-3)
    assert found.rate.vcpu_hour == pytest.approx(vcpu, rel=1e-3)
    assert found.rate.gib_hour == pytest.approx(per_gib, rel=1e-3)


def test_azure_keeps_its_own_ratio():
    found = rate_of(node("Standard_D4s_v5", 4, 16, region="eastus", provider="azure:///subscriptions/x"))
    assert found.hourly == pytest.approx(0.192)
    assert found.rate.vcpu_hour == pytest.approx(0.04011, rel=1e-3)
    assert found.rate.gib_hour == pytest.approx(0.001972, rel=1e-3)


def test_an_unknown_type_gets_the_stated_default_and_is_listed():
    found = rates(mesh(node("x9z.weird", 4, 16)), BOOK)
    assert found.nodes["n1"].hourly == pytest.approx(4 * 0.031611 + 16 * 0.004237)
    assert found.fallbacks == {"x9z.weird: OpenCost's default price per vCPU and GiB": 1}


def test_another_region_of_aws_is_charged_as_the_one_we_know_and_says_so():
    found = rate_of(node("m6i.xlarge", 4, 16, region="eu-west-1"))
    assert (found.hourly, found.assumed) == (pytest.approx(0.192), "m6i.xlarge in eu-west-1: price of us-east-1")


def test_without_nodes_the_default_is_listed():
    found = rates(mesh(), BOOK)
    assert found.average == BOOK.default
    assert len(found.fallbacks) == 1


def test_the_users_prices_win():
    book = PriceBook(tables=BOOK.tables, instances={"m6i.xlarge": 0.1}, rate=Rate(1, 1))
    assert rate_of(node("m6i.xlarge", 4, 16), book).hourly == pytest.approx(0.1)
    assert rate_of(node("m5.xlarge", 4, 16), book).rate == Rate(1, 1)
    known = PriceBook(tables=BOOK.tables, instances={"m6i.xlarge": 0.1}, nodes={"n1": 0.05})
    assert rate_of(node("m6i.xlarge", 4, 16), known).hourly == pytest.approx(0.05)


@pytest.mark.parametrize(
    "label",
    [
        ("karpenter.sh/capacity-type", "spot"),
        ("eks.amazonaws.com/capacityType", "SPOT"),
        ("cloud.google.com/gke-spot", "true"),
        ("kubernetes.azure.com/scalesetpriority", "spot"),
    ],
)
def test_spot_is_listed_until_a_discount_says_what_it_costs(label):
    spot = node("m6i.xlarge", 4, 16, **dict([label]))
    assert rate_of(spot).assumed == "m6i.xlarge spot: on-demand price"
    book = PriceBook(tables=BOOK.tables, discounts=(Discount(0.5, "m6i.*", "spot"), Discount(0.1)))
    found = rate_of(spot, book)
    assert (found.hourly, found.assumed) == (pytest.approx(0.096), None)
    assert rate_of(node("m6i.xlarge", 4, 16), book).hourly == pytest.approx(0.192 * 0.9)


def test_an_hour_is_730_times_in_a_month():
    sidecar = Resources(100, 128 * 2**20)
    assert monthly(Rate(0.03125, 0.004188), sidecar) == pytest.approx(2.66, abs=0.01)


def test_a_node_without_size_is_no_crash():
    tree = node("x", 4, 16)
    tree["status"] = {}
    assert rate_of(tree).hourly == 0
