import pytest
from tests.support.mesh import app, findings, waypoint, workload, ztunnel

from sidestep.audit.rules.drain_too_short import RULE


def ending(template, seconds, kind="Deployment"):
    template["spec"]["terminationGracePeriodSeconds"] = seconds
    return workload(template, "proxy", kind=kind)


def test_reports_a_waypoint_of_old():
    (found,) = findings(RULE, *ending(waypoint("waypoint"), 2))
    assert "killed 2 s after" in found.message


def test_reports_ztunnel():
    (found,) = findings(RULE, *ending(ztunnel(), 5, "DaemonSet"))
    assert "ztunnel's values" in found.fix


@pytest.mark.parametrize("template", [waypoint("waypoint"), ztunnel()])
def test_silent_where_nothing_is_said(template):
    assert findings(RULE, *workload(template, "proxy")) == []


def test_silent_on_applications():
    assert findings(RULE, *ending(app("cart"), 2)) == []


@pytest.mark.parametrize(("seconds", "count"), [(29, 1), (30, 0), (0, 1), (True, 0), ("2", 0)])
def test_boundary_the_default_is_enough(seconds, count):
    assert len(findings(RULE, *ending(waypoint("waypoint"), seconds))) == count
