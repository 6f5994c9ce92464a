"""Which Istio, by the image of istiod or by the user's word."""

import pytest
from tests.support.mesh import mesh, o

from sidestep.semantics.versions import NEWEST, OLDEST, Version, given_version, istio_version, parse_version


def istiod(image, name="istiod", **labels):
    template = {"metadata": {}, "spec": {"containers": [{"name": "discovery", "image": image}]}}
    return o.thing("apps/v1", "Deployment", o.meta(name, "istio-system", labels=labels), spec={"template": template})


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("1.29.2", Version(1, 29)), ("v1.29.2", Version(1, 29)), ("1.29", Version(1, 29)), ("1.29-alpha.abc", Version(1, 29)), ("1.9", Version(1, 9)),
        ("1", None), ("", None), ("latest", None), ("1.x", None), (".1", None), ("²", None), ("9" * 9999, None),
    ],
)  # fmt: skip
def test_texts(text, version):
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("text", "version", "outside"),
    [
        ("1.30", Version(1, 30), False),
        ("0.9", OLDEST, True),
        ("1.21.6", OLDEST, True),
        ("9.99", NEWEST, True),
        ("1.32", NEWEST, True),
    ],
)
def test_what_is_not_modelled_is_clamped_and_told(text, version, outside):
    found = given_version(text)
    assert found.version == version
    assert not found.assumed
    assert bool(found.outside) is outside


def test_no_version_is_none():
    assert given_version("latest") is None


@pytest.mark.parametrize(
    ("objects", "found"),
    [
        ([], ""), ([istiod("docker.io/istio/pilot:1.28.3")], "1.28.3"), ([istiod("istio/pilot:1.9.1"), istiod("istio/pilot:1.28.3", "istiod-canary")], "1.28.3"),
        ([istiod("istio/pilot:1.28.3-distroless")], "1.28.3"), ([istiod("registry:5000/pilot")], ""), ([istiod(None)], ""), ([istiod("x@sha256:1.2")], ""),
        ([istiod("istio/pilot:1.28.3", "control", app="istiod")], "1.28.3"), ([istiod("istio/pilot:1.28.3", "other")], ""),
    ],
)  # fmt: skip
def test_the_newest_control_plane_counts(objects, found):
    told = istio_version(mesh(*objects))
    assert told.found == found
    assert told.assumed is (not found)
    assert istio_version(mesh(*reversed(objects)).in_order) == told


def test_behaviour_since_a_release():
    assert given_version("1.24").since(1, 24)
    assert not given_version("1.23.9").since(1, 24)
