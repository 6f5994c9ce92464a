"""What holds for a whole mesh: read loosely, defaults where nothing is said."""

import pytest
from tests.semantics.test_versions import istiod
from tests.support.mesh import mesh, o
from tests.support.scenes import mesh_config

from sidestep.semantics.extension_providers import Authorizer, Speech
from sidestep.semantics.path_normalisation import PathNormalisation
from sidestep.semantics.settings import Settings, settings
from sidestep.semantics.versions import given_version

V = given_version("1.30")


def of(*objects):
    return settings(mesh(*objects).in_order, V)


def test_without_a_configuration_defaults_hold_and_that_is_told():
    assert of() == Settings(V)
    assert of().config is None


@pytest.mark.parametrize(
    ("values", "attribute", "expected"),
    [
        ({"rootNamespace": "root"}, "root_namespace", "root"), ({"rootNamespace": 5}, "root_namespace", "istio-system"), ({"trustDomain": "td"}, "trust_domain", "td"),
        ({"trustDomain": ""}, "trust_domain", "cluster.local"), ({"outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}, "registry_only", True),
        ({"outboundTrafficPolicy": "REGISTRY_ONLY"}, "registry_only", False), ({"pathNormalization": {"normalization": "NONE"}}, "normalisation", PathNormalisation.NONE),
        ({"pathNormalization": {"normalization": "no such"}}, "normalisation", PathNormalisation.BASE),
        ({"extensionProviders": [{"name": "a", "envoyExtAuthzHttp": {"service": "ns/A.example", "port": 80, "statusOnError": "503"}}, {"name": "c", "zipkin": {}}, 5]}, "authorizers", {"a": Authorizer("a", Speech.HTTP, "a.example", 80, status_on_error=503)}),
        ({"extensionProviders": [{"name": "b", "envoyExtAuthzGrpc": {"service": "b.example", "port": 9000, "timeout": "1s", "failOpen": True}}]}, "authorizers", {"b": Authorizer("b", Speech.GRPC, "b.example", 9000, "1s", fail_open=True)}),
        ({"extensionProviders": [{"name": "a", "envoyExtAuthzHttp": {"service": "a.example", "port": 80, "statusOnError": "418"}}]}, "authorizers", {}),
        ({"extensionProviders": [{"name": "a", "envoyExtAuthzHttp": {"service": "a.example", "port": 80, "statusOnError": "x"}}]}, "refused_authorizers", ("extensionProviders 'a': statusOnError: expected a status that Envoy knows, such as 503, found 'x'",)),
        ({"extensionProviders": [{"name": "a", "envoyExtAuthzHttp": {"service": "a.example", "port": 99999}}, {"name": "b", "zipkin": {}}]}, "refused_authorizers", ("extensionProviders 'a': port: expected one from 1 to 65535, found 99999",)),
        ({"extensionProviders": [{"name": "a", "envoyExtAuthzHttp": {"port": 80}}, {"name": "b", "envoyExtAuthzGrpc": {"service": "b", "port": True}}]}, "authorizers", {}),
    ],
)  # fmt: skip
def test_values(values, attribute, expected):
    assert getattr(of(mesh_config(**values)), attribute) == expected


def test_aliases_follow_the_own_domain():
    assert of(mesh_config(trustDomain="td", trustDomainAliases=["old", 5, None])).bundle.domains == ("td", "old")


def test_of_several_control_planes_the_default_ones_configuration_counts():
    other = mesh_config(trustDomain="canary")
    other["metadata"]["name"] = "istio-canary"
    for objects in ([other, mesh_config(trustDomain="own")], [mesh_config(trustDomain="own"), other]):
        assert of(*objects).trust_domain == "own"
    assert of(other).trust_domain == "canary"


def test_a_config_map_of_another_name_is_none():
    other = mesh_config(trustDomain="td")
    other["metadata"]["name"] = "istiod"
    assert of(other).config is None


@pytest.mark.parametrize(
    ("written", "default", "on"),
    [
        ("true", False, True),
        ("1", False, True),
        ("false", True, False),
        ("", True, True),
        ("yes", True, True),
        ("yes", False, False),
    ],
)
def test_switches_of_istiod(written, default, on):
    plane = istiod("istio/pilot:1.30.0")
    plane["spec"]["template"]["spec"]["containers"][0]["env"] = [
        {"name": "SWITCH", "value": written},
        {"name": "FROM", "valueFrom": {}},
    ]
    found = of(plane, o.namespace("istio-system"))
    assert found.flag("SWITCH", default=default) is on
    assert found.flag("ABSENT", default=default) is default
