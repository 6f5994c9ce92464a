from tests.support import scenes as s


def behind(mesh, host):
    return [each.workload.name for each in mesh.behind(mesh.services.by_host[host])]


def test_pods_and_services_find_each_other_by_all_labels_of_the_selector():
    two = s.service("cart", selector={"app": "cart", "tier": "front"})
    mesh = s.index(s.pods("cart", labels={"tier": "front"}), s.pods("cart-2", labels={"tier": "front"}), two)
    assert behind(mesh, "cart.shop.svc.cluster.local") == ["cart"]
    front = {each.workload.name: mesh.in_front_of(each) for group in mesh.workloads.values() for each in group}
    assert [each.name for each in front["cart"]] == ["cart"]
    assert front["cart-2"] == ()


def test_services_of_another_namespace_select_nothing_here():
    mesh = s.index(s.pods("cart"), s.service("cart", "other"))
    assert behind(mesh, "cart.other.svc.cluster.local") == []
    assert all(mesh.in_front_of(each) == () for group in mesh.workloads.values() for each in group)


def test_a_service_entry_without_selector_leads_to_the_pods_of_its_addresses():
    spec = {"hosts": ["cart.example"], "location": "MESH_INTERNAL", "resolution": "STATIC"}
    spec |= {"endpoints": [{"address": "10.9.9.9"}], "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}]}
    mesh = s.index(s.pods("cart", ip="10.9.9.9"), s.pods("web"), s.m.o.istio("ServiceEntry", "cart", "shop", spec))
    assert behind(mesh, "cart.example") == ["cart"]
    (cart,) = (each for group in mesh.workloads.values() for each in group if each.workload.name == "cart")
    assert [each.host for each in mesh.in_front_of(cart)] == ["cart.example"]
