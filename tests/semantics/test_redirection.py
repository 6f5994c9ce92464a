"""What annotations leave to be redirected; a value that is none is named and changes nothing."""

from sidestep.semantics.redirection import Redirection, redirection

PREFIX = "traffic.sidecar.istio.io/"


def of(**annotations: str) -> Redirection:
    return redirection({PREFIX + key: value for key, value in annotations.items()})


def test_everything_is_redirected_unless_the_pod_says_otherwise():
    assert redirection({"app": "web"}) == Redirection()
    assert of(includeInboundPorts=" * ", includeOutboundIPRanges="*") == Redirection()


def test_left_out_is_all_and_empty_is_nothing():
    assert of(includeInboundPorts="").inbound == frozenset()
    assert of(includeOutboundIPRanges="").outbound == ()


def test_ports_that_are_named_make_exclusion_moot():
    found = of(includeInboundPorts="80,81", excludeInboundPorts="81")
    assert [found.takes_from(port) for port in (80, 81, 82)] == [True, True, False]


def test_a_port_is_left_alone_in_its_own_direction():
    found = of(excludeInboundPorts="80", excludeOutboundPorts="81")
    assert [found.takes_from(80), found.takes_from(81)] == [False, True]
    assert [found.leaves_port(80), found.leaves_port(81)] == [False, True]


def test_what_is_no_port_or_network_is_named():
    found = of(excludeInboundPorts="80, http", excludeOutboundIPRanges="10.0.0.1/8, everywhere, 10.0.0.0/255.0.0.0")
    assert found.not_inbound == {80}
    assert found.not_outbound == ("10.0.0.0/8",)
    assert found.unread == (
        f"{PREFIX}excludeInboundPorts=http",
        f"{PREFIX}excludeOutboundIPRanges=everywhere",
        f"{PREFIX}excludeOutboundIPRanges=10.0.0.0/255.0.0.0",
    )


def test_a_proxy_without_interception_gets_nothing():
    found = redirection({"sidecar.istio.io/interceptionMode": "NONE"})
    assert not found.takes_from(80)
    assert found.leaves_port(80)
