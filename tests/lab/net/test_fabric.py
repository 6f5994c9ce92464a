"""Packets flow between pods, nodes and services' absence, on one node and across, in both families, as either user."""

import pytest
from tests.support.lab import USERS, asked, fabric, greeter, node, pod_address, run_inside

PORT = 8080


def packets_flow() -> dict[str, str]:
    lab = fabric()
    one, two = node(lab, 0), node(lab, 1)
    a, b, c = (
        one.add_pod("a", pod_address(0, 0)),
        one.add_pod("b", pod_address(0, 1)),
        two.add_pod("c", pod_address(1, 0)),
    )
    met = {}
    with greeter(b.namespace, PORT, "b"), greeter(c.namespace, PORT, "c"), greeter(two.namespace, PORT, "node"):
        for family in ("ipv4", "ipv6"):
            met |= {
                f"same node {family}": asked(a.namespace, getattr(b.address, family), PORT),
                f"other node {family}": asked(a.namespace, getattr(c.address, family), PORT),
                f"node to its pod {family}": asked(two.namespace, getattr(c.address, family), PORT),
                f"node to another's pod {family}": asked(one.namespace, getattr(c.address, family), PORT),
                f"pod to node {family}": asked(a.namespace, getattr(two.address, family), PORT),
                f"itself {family}": asked(c.namespace, getattr(c.address, family), PORT),
                f"nobody {family}": asked(a.namespace, getattr(a.address, family), PORT),
            }
    return met


@pytest.mark.parametrize("user", USERS)
def test_packets_flow_and_keep_their_source(user):
    a, c = pod_address(0, 0), pod_address(1, 0)
    met = run_inside(packets_flow, user=user)
    for family in ("ipv4", "ipv6"):
        first = "172.18.0." if family == "ipv4" else "fd00:172:18::"
        assert met[f"same node {family}"] == f"b {getattr(a, family)}"
        assert met[f"other node {family}"] == f"c {getattr(a, family)}"
        assert met[f"node to its pod {family}"] == f"c {first}2"
        assert met[f"node to another's pod {family}"] == f"c {first}1"
        assert met[f"pod to node {family}"] == f"node {getattr(a, family)}"
        assert met[f"itself {family}"] == f"c {getattr(c, family)}"
        assert met[f"nobody {family}"] == "ConnectionRefusedError"
