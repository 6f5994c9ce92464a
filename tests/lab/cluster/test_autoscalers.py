"""How many pods an autoscaler wants, of what proxies use."""

import pytest

from sidestep.lab.cluster.controllers.autoscalers import Used, desired, status, target_of, wait


def scaler(*metrics, most=10, **spec):
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "way"}
    return {"spec": {"scaleTargetRef": target, "maxReplicas": most, "metrics": list(metrics), **spec}}


def cpu(**target):
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


CONNECTED = {"type": "Pods", "pods": {"metric": {"name": "connections"}, "target": {"averageValue": "10"}}}
HALF = cpu(type="Utilization", averageUtilization=50)


@pytest.mark.parametrize(
    ("millicores", "wanted"),
    [(50, 2), (54, 2), (46, 2), (100, 4), (60, 3), (10, 1), (1000, 10)],
    ids=["as wanted", "within a tenth", "within a tenth below", "double", "more", "less", "no more than the most"],
)
def test_the_ratio_to_the_target_decides(millicores, wanted):
    assert desired(scaler(HALF), 2, [Used(millicores, 100)] * 2) == wanted


def test_the_largest_of_all_metrics_counts():
    assert desired(scaler(HALF, CONNECTED), 1, [Used(50, 100, 35)]) == 4
    assert desired(scaler(cpu(type="AverageValue", averageValue="100m"), CONNECTED), 1, [Used(200, 100, 1)]) == 2


def test_never_fewer_than_the_least_and_nothing_is_done_about_what_was_not_measured():
    assert desired(scaler(HALF, minReplicas=3), 3, [Used(0, 100)] * 3) == 3
    assert desired(scaler(HALF), 4, []) == 4
    assert desired(scaler({"type": "External"}), 4, [Used(500, 100)] * 4) == 4


def test_the_usual_target_is_four_fifths():
    assert desired(scaler(), 1, [Used(160, 100)]) == 2
    assert desired(scaler(targetCPUUtilizationPercentage=40), 1, [Used(160, 100)]) == 4


def test_what_it_scales_and_how_long_it_waits_for_fewer():
    assert target_of(scaler()) == ("Deployment", "way")
    assert wait(scaler()) == 300
    assert wait(scaler(behavior={"scaleDown": {"stabilizationWindowSeconds": 0}})) == 0


def test_it_says_what_was_measured_as_kubernetes_does():
    found = status(scaler(HALF, CONNECTED, {"type": "External"}), 2, 3, [Used(50, 100, 4), Used(60, 100, 5)])
    assert (found["currentReplicas"], found["desiredReplicas"]) == (2, 3)
    assert found["currentMetrics"] == [
        {"type": "Resource", "resource": {"name": "cpu", "current": {"averageValue": "55m", "averageUtilization": 55}}},
        {"type": "Pods", "pods": {"metric": {"name": "connections"}, "current": {"averageValue": "4500m"}}},
    ]
