"""What istiod says of waypoints, Services and policies, and what of it counts."""

import pytest

from sidestep.actions.worlds.cluster.conditions import acceptance_misses, binding_misses, waypoint_misses


def saying(*conditions, **status):
    rows = [dict(zip(("type", "status", "reason", "message"), each, strict=False)) for each in conditions]
    return {"status": {"conditions": rows, **status}}


PROGRAMMED = ("Programmed", "True", "Programmed", "")
BOUND = "istio.io/WaypointBound"


@pytest.mark.parametrize(
    ("tree", "missing"),
    [
        (None, "it is absent"),
        ({}, "it is not Programmed"),
        (saying(PROGRAMMED), "it has no address yet"),
        (saying(PROGRAMMED, addresses=[{"value": "10.0.0.1"}]), ""),
        (
            saying(("Programmed", "False", "Invalid", "no such class"), addresses=[{}]),
            "it is not Programmed: no such class",
        ),
    ],
)
def test_a_waypoint_is_ready_when_it_has_an_address(tree, missing):
    assert waypoint_misses(tree) == missing


def test_a_service_is_bound_when_istiod_says_so():
    assert binding_misses(saying((BOUND, "True", "WaypointAccepted", "bound"))) == ""
    assert "PILOT_ENABLE_AMBIENT" in binding_misses(saying())
    refused = binding_misses(saying((BOUND, "False", "AttachmentDenied", "not from here")))
    assert refused == "istiod does not bind it: AttachmentDenied: not from here"


def test_a_policy_is_taken_by_its_reason_and_not_by_its_status():
    """ztunnel says True of a policy of which it dropped a part."""
    assert acceptance_misses(saying(("ZtunnelAccepted", "True", "Accepted", "attached to ztunnel"))) == ""
    partly = acceptance_misses(saying(("ZtunnelAccepted", "True", "UnsupportedValue", "methods are dropped")))
    assert partly == "it is not wholly taken: UnsupportedValue: methods are dropped"
    assert acceptance_misses(saying(("WaypointAccepted", "False", "AncestorNotBound", ""))) != ""
    assert acceptance_misses(saying(("Other", "True", "Accepted", ""))) != ""
    assert acceptance_misses(None) == "it is absent"
