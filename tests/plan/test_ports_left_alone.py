"""What only a sidecar leaves alone is settled before the workload moves: whoever dials it in plaintext would be refused."""

import pytest
from tests.support.mesh import o
from tests.support.migrations import migrated, town
from tests.support.scenes import pods, service

EXCLUDED = {"traffic.sidecar.istio.io/excludeInboundPorts": "9090"}
STRICT = o.istio("PeerAuthentication", "default", "istio-system", {"mtls": {"mode": "STRICT"}})
SELECTED = {"selector": {"matchLabels": {"app": "cart"}}}
PERMITTED = o.istio(
    "PeerAuthentication", "metrics", "shop", {**SELECTED, "portLevelMtls": {"9090": {"mode": "PERMISSIVE"}}}
)


@pytest.mark.parametrize(
    ("annotations", "peers", "staying"),
    [
        (EXCLUDED, [STRICT], {"cart"}),
        (EXCLUDED, [STRICT, PERMITTED], set()),
        (EXCLUDED, [], set()),
        ({}, [STRICT], set()),
    ],
)
def test_a_workload_waits_until_plaintext_is_admitted_to_the_port(annotations, peers, staying):
    cart = pods("cart", ip="10.1.0.2", annotations=annotations)
    found = migrated(town(cart, service("cart"), pods("web", ip="10.1.0.1"), peers))
    assert found.staying == staying
