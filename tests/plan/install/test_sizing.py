"""How much ztunnel and istiod ask for."""

import pytest
from tests.support.install import istiod, node, ztunnels
from tests.support.mesh import mesh, o

from sidestep.model.quantity import Resources
from sidestep.plan.install.files import install_files
from sidestep.plan.install.scale import Scale
from sidestep.plan.install.sizing import MIB, Today, grpc_bytes, istiod_size, ztunnel_size
from sidestep.plan.install.values import InstallSettings


def scale(nodes=50, pods=2_000, services=500, proxies=1_500):
    return Scale(nodes, 3, pods, services, proxies, {}, None)


def test_ztunnel_keeps_the_charts_requests_where_nothing_was_measured():
    size = ztunnel_size(scale(), None, None)
    assert size.requests == Resources(200, 512 * MIB)
    assert size.assumed
    assert "not measured" in size.cpu
    assert "2000 pods" in size.memory


def test_ztunnel_asks_for_less_where_little_was_measured_but_never_nothing():
    assert ztunnel_size(scale(), 0, 0.0).requests == Resources(100, 128 * MIB)
    assert ztunnel_size(scale(), 5_000, 1_000.0).requests == Resources(150, 160 * MIB)
    assert not ztunnel_size(scale(), 0, 0.0).assumed


@pytest.mark.parametrize(
    ("pods", "connections", "least"), [(200_000, 0, 1024), (0, 100_000, 1024), (150_000, None, 832)]
)
def test_ztunnel_grows_with_pods_and_connections_by_the_charts_own_rule(pods, connections, least):
    assert ztunnel_size(scale(pods=pods), connections, None).requests.memory_bytes >= least * MIB


def test_one_measurement_of_two_is_still_assumed():
    assert ztunnel_size(scale(), 10, None).assumed
    assert ztunnel_size(scale(), None, 10.0).assumed


def test_istiod_has_two_replicas_and_one_on_one_node():
    assert istiod_size(scale(), Today()).replicas == 2
    assert istiod_size(scale(nodes=1), Today()).replicas == 1


def test_istiod_is_never_less_than_today():
    size = istiod_size(scale(), Today(4, 12, Resources(3_000, 8 * 1024 * MIB)))
    assert (size.replicas, size.most) == (4, 12)
    assert size.requests == Resources(3_000, 8 * 1024 * MIB)


def test_istiod_grows_with_services_and_proxies():
    size = istiod_size(scale(nodes=1_000, services=5_000, proxies=20_000), Today())
    assert size.replicas == 11
    assert size.requests.cpu_millis == 1_000
    assert size.requests.memory_bytes == 2_816 * MIB
    assert "21000 proxies" in size.memory_formula


@pytest.mark.parametrize(("workloads", "size"), [(0, None), (40_000, None), (40_001, 8 * MIB), (150_000, 32 * MIB)])
def test_messages_grow_past_forty_thousand_workloads(workloads, size):
    assert grpc_bytes(workloads) == size


def test_requests_of_a_ztunnel_that_runs_are_not_lowered():
    made = ztunnels()
    made["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1", "memory": "2Gi"}}
    settings = InstallSettings(connections_per_node=10, requests_per_node=10.0)
    chart = install_files(mesh(istiod(), node(), made), settings).chart("ztunnel")
    assert chart.values["resources"] == {"requests": {"cpu": "1000m", "memory": "2048Mi"}}
    assert all("keeps it" in each.because for each in chart.evidence if each.value.startswith("resources."))


def test_an_autoscaler_of_istiod_is_what_runs():
    scaler = o.autoscaler("istiod", "istio-system")
    scaler["spec"] |= {"minReplicas": 3, "maxReplicas": 20}
    other = o.autoscaler("cart", "istio-system")
    other["spec"] |= {"minReplicas": 9, "maxReplicas": 90}
    found = install_files(mesh(istiod(replicas=1), scaler, other), InstallSettings()).chart("istiod").values
    assert (found["autoscaleMin"], found["autoscaleMax"]) == (3, 20)


def test_limits_stay_where_there_is_still_room():
    template = istiod()
    template["spec"]["template"]["spec"]["containers"][0]["resources"] = {
        "requests": {"cpu": "100m", "memory": "1Gi"},
        "limits": {"cpu": "2", "memory": "1Gi"},
    }
    found = install_files(mesh(template), InstallSettings()).chart("istiod").values["resources"]
    assert found == {"requests": {"cpu": "500m", "memory": "2048Mi"}, "limits": {"cpu": "2"}}
