"""What objects name that is not there is said by object and field, and nothing else is."""

from tests.support import mesh as m
from tests.support.scenes import index, pods, service

from sidestep.controlplane.unmet import unmet

TO = {"route": [{"destination": {"host": "cart.shop.svc.cluster.local"}}]}
NOBODY = {"host": "nobody"}


def virtual_service(name, *http, space="shop", hosts=("cart",), **more):
    return m.o.istio(
        "VirtualService", name, space, {**({"hosts": list(hosts)} if hosts else {}), "http": list(http), **more}
    )


def said(*objects):
    return list(unmet(index(pods("cart"), service("cart"), *objects)))


def test_copies_for_nobody():
    found = said(
        virtual_service(
            "one",
            {**TO, "mirror": NOBODY},
            {**TO, "mirrors": [{"destination": NOBODY}, {"destination": {"host": "cart"}}]},
        )
    )
    assert [each.partition(": nobody.")[0] for each in found] == [
        "VirtualService shop/one: http[0]",
        "VirtualService shop/one: http[1]",
    ]
    assert all("does not exist" in each and each.endswith("nobody gets the copies of its requests") for each in found)
    assert said(virtual_service("one", {**TO, "mirror": {"host": "cart"}})) == []


def test_delegates_that_are_not_there_or_not_for_us():
    named = virtual_service(
        "root", {"delegate": {"name": "sub"}}, {"delegate": {"name": "far", "namespace": "other"}}, TO
    )
    near, far = virtual_service("sub", TO, hosts=()), virtual_service("far", TO, space="other", hosts=())
    assert said(named, near, far) == []
    (first, second) = said(named)
    assert first.startswith("VirtualService shop/root: http[0].delegate: there is no VirtualService shop/sub")
    assert second.startswith("VirtualService shop/root: http[1].delegate: there is no VirtualService other/far")
    kept = virtual_service("far", TO, space="other", hosts=(), exportTo=["."])
    (hidden,) = said(named, near, kept)
    assert "http[1].delegate" in hidden
    bound = virtual_service("sub", TO)
    assert "http[0].delegate" in said(named, bound, far)[0]


def http_route(*filters, kind="HTTPRoute", ref=()):
    refs = [{"name": "cart", "port": 80, **({"filters": list(ref)} if ref else {})}]
    spec = {
        "parentRefs": [{"group": "", "kind": "Service", "name": "cart"}],
        "rules": [{"filters": list(filters), "backendRefs": refs}],
    }
    return m.o.thing("gateway.networking.k8s.io/v1", kind, m.o.meta("one", "shop"), spec=spec)


def test_routes_that_istio_refuses_whole():
    own = {"type": "ExtensionRef", "extensionRef": {"group": "x", "kind": "Y", "name": "z"}}
    sound = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": ["x-a"]}}
    (told,) = said(http_route(sound, own))
    assert told.startswith("HTTPRoute shop/one: rules[0].filters[1].type: ExtensionRef is not supported: Istio refuses")
    (told,) = said(http_route(ref=[own]))
    assert told.startswith("HTTPRoute shop/one: rules[0].backendRefs[0].filters[0].type: ExtensionRef")
    (told,) = said(http_route({"type": "URLRewrite", "urlRewrite": {}}, kind="GRPCRoute"))
    assert told.startswith("GRPCRoute shop/one: rules[0].filters[0].type: URLRewrite")
    assert said(http_route(sound)) == []
