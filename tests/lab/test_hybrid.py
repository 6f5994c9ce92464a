"""A mesh of both kinds by the command line, for root and for an ordinary user."""

import json

import pytest
from tests.support.lab import USERS
from tests.support.lab_command import shell

pytestmark = pytest.mark.real


@pytest.mark.parametrize("who", USERS)
def test_sidecars_and_a_waypoint_are_up_seen_and_gone_for(who):
    with shell(who) as user:
        up = user.run("up", "docs/examples/hybrid.yaml", "--nodes", "2", "--detach")
        assert up.returncode == 0, up.stderr
        assert "6 pods (6 ready, 2 in ambient, 2 with a sidecar, 1 with a waypoint)" in up.stderr
        answer = json.loads(user.says("curl", "old/web", "http://web.old/"))
        assert [each["ok"] for each in answer["calls"]] == [True, True]
        rows = json.loads(user.says("verify", "-o", "json"))
        assert {each["mode"] for each in rows if each["right"]} == {"sidecar", "ambient", "waypoint", "none"}
        assert {"sidecar", "waypoint", "envoy"} <= {each["role"] for each in json.loads(user.says("top", "-o", "json"))}
        (waypoint,) = [each["pod"] for each in rows if each["mode"] == "waypoint"]
        assert json.loads(user.says("config-dump", waypoint))
        assert f"waypoint/{waypoint}" in user.says("status", "-o", "json")
        user.says("logs", "old/web", "-c", "istio-proxy")
        user.says("down")
        assert user.left() == []
