import pytest
import yaml
from tests.support.mesh import findings, labelled, o
from tests.support.scenes import pods, policy

from sidestep.audit.rules.namespace_unseen import RULE

ON = {"matchLabels": {"mesh": "on"}}
SHOP = labelled("shop", {"istio-injection": "enabled"})


def config(*selectors, name="istio", **more):
    data = {"mesh": yaml.safe_dump({"discoverySelectors": list(selectors), **more})}
    return o.thing("v1", "ConfigMap", o.meta(name, "istio-system"), data=data)


def test_reports_workloads_that_istiod_does_not_see():
    (found,) = findings(RULE, SHOP, *pods("cart"), config(ON))
    assert (found.object.name, found.severity) == ("shop", "error")
    assert "1 workload" in found.message


def test_reports_policies_of_the_root_namespace_too():
    root = labelled("istio-system", {})
    (found,) = findings(RULE, root, policy("nobody", space="istio-system"), config(ON))
    assert (found.object.name, found.severity) == ("istio-system", "warning")
    assert "AuthorizationPolicy nobody" in found.message


@pytest.mark.parametrize(
    "objects",
    [
        (config(),),
        (config({"matchExpressions": [{"key": "mesh", "operator": "DoesNotExist"}]}),),
        (config("text"),),
        (),
    ],
    ids=["no selector", "chosen", "unreadable", "no configuration"],
)
def test_silent_where_some_control_plane_looks(objects):
    assert findings(RULE, SHOP, *pods("cart"), *objects) == []


def test_boundary_one_control_plane_of_several_looks_at_all():
    assert len(findings(RULE, SHOP, *pods("cart"), config(ON), config(ON, name="istio-next"))) == 1
    assert findings(RULE, SHOP, *pods("cart"), config(ON), config(name="istio-next")) == []


def test_silent_on_namespaces_without_a_mesh():
    assert findings(RULE, labelled("tools", {}), *pods("cart", "none", "tools"), config(ON)) == []
