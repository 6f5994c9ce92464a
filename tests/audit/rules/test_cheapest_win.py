from tests.support.mesh import Sidecar, app, findings, inject, namespace, o, workload

from sidestep.audit.facts import Options
from sidestep.audit.rules.cheapest_win import RULE

INJECTED = inject(app("cart"), Sidecar())
L7 = o.istio("AuthorizationPolicy", "api", "shop", {"rules": [{"to": [{"operation": {"methods": ["GET"]}}]}]})
L4 = o.istio("AuthorizationPolicy", "peers", "shop", {"rules": [{"from": [{"source": {"namespaces": ["a"]}}]}]})


def found_with(*objects, threshold=2, pods=3):
    options = Options(sidecar_threshold=threshold)
    return findings(RULE, namespace("shop"), *workload(INJECTED, pods=pods), *objects, options=options)


def test_reports_many_sidecars_without_layer_7():
    (found,) = found_with()
    assert (found.object.kind, found.object.name) == ("Namespace", "shop")


def test_reports_it_in_spite_of_layer_4_policies():
    assert len(found_with(L4)) == 1


def test_silent_where_layer_7_is_used():
    assert found_with(L7) == []


def test_silent_where_the_root_namespace_uses_layer_7():
    assert found_with({**L7, "metadata": {"name": "api", "namespace": "istio-system"}}) == []


def test_boundary_more_than_the_threshold_and_not_as_many():
    assert found_with(threshold=3) == []
    assert len(found_with(threshold=2)) == 1
