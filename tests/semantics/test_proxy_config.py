"""What a pod's proxy is told to be: nearer words win, field by field."""

import msgspec
import yaml

from sidestep.model.build import known_kind, typed
from sidestep.model.mesh import Mesh, SourceInfo, SourceKind
from sidestep.model.origin import FileOrigin
from sidestep.semantics.native_sidecars import is_native
from sidestep.semantics.proxy_config import ANNOTATION, HBONE, ProxyConfig, proxy_config
from sidestep.semantics.settings import Settings
from sidestep.semantics.versions import IstioVersion, Version


def mesh(*trees):
    resources = {}
    for tree in trees:
        kind = known_kind(tree["apiVersion"], tree["kind"])
        found = typed(kind, msgspec.json.encode(tree), tree["apiVersion"], tree["kind"], FileOrigin("test", 0))
        resources[kind.key] = (*resources.get(kind.key, ()), found)
    return Mesh(SourceInfo(SourceKind.FILES, "test"), resources=resources)


def config_map(**default):
    meta = {"name": "istio", "namespace": "istio-system"}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": meta,
        "data": {"mesh": yaml.dump({"defaultConfig": default})},
    }


def proxy_config_object(namespace, **spec):
    meta = {"name": namespace, "namespace": namespace}
    return {"apiVersion": "networking.istio.io/v1beta1", "kind": "ProxyConfig", "metadata": meta, "spec": spec}


def of(*trees, annotation=None, labels=None):
    annotations = {ANNOTATION: yaml.dump(annotation)} if annotation else {}
    return proxy_config(mesh(*trees), "shop", labels or {}, annotations)


def test_the_usual():
    assert of() == ProxyConfig(drain=5.0)


def test_the_pods_own_word_wins_field_by_field():
    found = of(
        config_map(
            holdApplicationUntilProxyStarts=True, terminationDrainDuration="20s", proxyMetadata={"A": "1", "B": "1"}
        ),
        annotation={"terminationDrainDuration": "1m30s", "proxyMetadata": {"B": "2"}},
    )
    assert found == ProxyConfig(holds_application=True, drain=90.0, metadata={"A": "1", "B": "2"})


def test_objects_count_by_nearness_and_only_where_they_apply():
    root, near = proxy_config_object("istio-system", concurrency=2), proxy_config_object("shop", concurrency=3)
    chosen = proxy_config_object("shop", concurrency=4, selector={"matchLabels": {"app": "web"}})
    assert of(proxy_config_object("other", concurrency=9)).concurrency is None
    assert of(near, root).concurrency == 3
    assert of(chosen, near, root).concurrency == 3
    assert of(chosen, near, root, labels={"app": "web"}).concurrency == 4


def test_what_is_malformed_counts_as_not_said():
    found = of(annotation={"terminationDrainDuration": "soon", "concurrency": "many", "proxyMetadata": ["x"]})
    assert found == ProxyConfig()


def test_how_long_it_serves_at_least_before_it_looks_who_is_left():
    found = of(annotation={"proxyMetadata": {"EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "true"}})
    assert (found.exits_when_empty, found.least_drain) == (True, 5.0)
    found = of(annotation={"proxyMetadata": {"EXIT_ON_ZERO_ACTIVE_CONNECTIONS": "1", "MINIMUM_DRAIN_DURATION": "1.5s"}})
    assert (found.exits_when_empty, found.least_drain) == (True, 1.5)


def test_a_switch_of_its_environment():
    assert of().says(HBONE, default=True)
    assert not of(annotation={"proxyMetadata": {HBONE: "false"}}).says(HBONE, default=True)


def test_sidecars_are_native_since_1_27_unless_somebody_says_otherwise():
    old = Settings(IstioVersion(Version(1, 26), "1.26.0", assumed=False))
    new = Settings(IstioVersion(Version(1, 27), "1.27.0", assumed=False))
    off = Settings(new.version, flags={"ENABLE_NATIVE_SIDECARS": "false"})
    by_hand = {"sidecar.istio.io/nativeSidecar": "true"}
    assert [is_native({}, each) for each in (old, new, off)] == [False, True, False]
    assert [is_native(by_hand, each) for each in (old, new, off)] == [True, True, True]
    assert not is_native({"sidecar.istio.io/nativeSidecar": "false"}, new)
