"""Where ztunnel's reading of PeerAuthentication departs from a sidecar's."""

import itertools

import pytest

from sidestep.model.metadata import ObjectId
from sidestep.semantics.ambient_mtls import Surprise, departures
from sidestep.semantics.authentication.peers import Mtls, PeerPolicy

ROOT = "istio-system"


def policy(mode, space="shop", name="default", ports=None):
    selector = {"app": "cart"} if ports else None
    identity = ObjectId("security.istio.io/v1", "PeerAuthentication", space, name)
    return PeerPolicy(identity, Mtls(mode), {p: Mtls(m) for p, m in (ports or {}).items()}, selector)


def found(mode, ports, mesh=None, space=None):
    own = policy(mode, name="own", ports=ports)
    above = [policy(mesh, ROOT)] if mesh else []
    beside = [policy(space)] if space else []
    return {each.surprise: each.ports for each in departures((own, *above, *beside), own, ROOT)}


@pytest.mark.parametrize(
    ("mode", "ports", "mesh", "space", "expected"),
    [
        ("PERMISSIVE", {80: "STRICT"}, "STRICT", None, {Surprise.STRICT_PORT_OPEN: (80,)}),
        ("PERMISSIVE", {80: "STRICT"}, "STRICT", "UNSET", {Surprise.STRICT_PORT_OPEN: (80,)}),
        ("PERMISSIVE", {80: "STRICT"}, "STRICT", "STRICT", {}),
        ("PERMISSIVE", {80: "STRICT"}, None, None, {}),
        ("UNSET", {80: "PERMISSIVE"}, "STRICT", "UNSET", {Surprise.WORKLOAD_OPEN: (80,)}),
        ("UNSET", {80: "PERMISSIVE"}, "STRICT", None, {}),
        ("UNSET", {80: "DISABLE"}, "STRICT", None, {Surprise.PORT_REFUSES: (80,)}),
        ("UNSET", {80: "DISABLE"}, None, "STRICT", {Surprise.PORT_REFUSES: (80,)}),
        ("UNSET", {80: "DISABLE", 81: "PERMISSIVE"}, "STRICT", None, {Surprise.DISABLE_IGNORED: (80,)}),
        ("STRICT", {80: "PERMISSIVE"}, "STRICT", None, {}),
    ],
)
def test_departures(mode, ports, mesh, space, expected):
    assert found(mode, ports, mesh, space) == expected


def test_a_mode_that_every_level_states_never_surprises():
    """Where the namespace says STRICT or PERMISSIVE itself, only DISABLE and unset modes are read differently."""
    modes = ("STRICT", "PERMISSIVE")
    for mode, port, mesh, space in itertools.product(modes, modes, (None, *modes), modes):
        assert found(mode, {80: port}, mesh, space) == {}, (mode, port, mesh, space)


def test_what_cannot_be_read_is_not_judged():
    broken = PeerPolicy(ObjectId("v1", "PeerAuthentication", "shop", "x"), Mtls.DISABLE, invalid="mode")
    assert departures((broken,), broken, ROOT) == ()
