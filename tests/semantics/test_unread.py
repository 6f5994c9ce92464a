"""Objects that bear on requests and that no decision looks at are named, and nothing else is."""

from tests.support import mesh as m
from tests.support.scenes import index, pods, service

from sidestep.semantics.unread import not_judged


def thing(version, kind, name="cart"):
    return m.o.thing(version, kind, m.o.meta(name, "shop"), spec={})


def test_each_kind_is_named_once_with_what_it_leaves_open():
    mesh = m.mesh(
        thing("gateway.networking.k8s.io/v1", "BackendTLSPolicy", "b"),
        thing("gateway.networking.k8s.io/v1alpha3", "BackendTLSPolicy", "a"),
        thing("flagger.app/v1beta1", "Canary"),
    )
    canary, policy = not_judged(mesh)
    assert canary == "Canary shop/cart (flagger.app): what is made of it is judged only where that was read"
    assert policy.startswith("BackendTLSPolicy shop/b and 1 more (gateway.networking.k8s.io): the TLS that ")


def test_a_kind_that_istio_does_not_have_is_named():
    misspelt = thing("networking.istio.io/v1", "VirtualServise")
    gone = thing("rbac.istio.io/v1alpha1", "ServiceRole")
    assert len(list(not_judged(m.mesh(misspelt, gone)))) == 2


def test_what_is_judged_or_bears_on_nothing_is_not_named():
    asked = thing("install.istio.io/v1alpha1", "IstioOperator")
    others = (thing("example.com/v1", "Widget"), thing("serving.example.com/v1", "Service"), asked)
    found = index(*pods("cart"), service("cart"), *others)
    assert not list(not_judged(found.mesh))


def test_a_broken_object_of_a_kind_that_istio_has_is_told_as_such_alone():
    broken = m.o.istio("VirtualService", "cart", "shop", "text")
    assert not list(not_judged(m.mesh(broken)))
