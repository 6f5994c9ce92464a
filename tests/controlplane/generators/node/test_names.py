"""Endpoints that have a name in place of an address."""

from msgspec.structs import replace

from sidestep.controlplane.generators import ENDPOINTS, topics
from sidestep.controlplane.generators.node import NodeGenerator, Settings
from sidestep.controlplane.index import Changes, Index
from sidestep.controlplane.records import PortMap, Service, Tunnel, Workload, WorkloadUid

SETTINGS = Settings(pods=("10.128.0.0/9",), services=("10.96.0.0/16", "240.240.0.0/16"), access_log="/dev/null")
CART = Service("cart", "shop", "cart.shop.svc.cluster.local", ("10.96.0.7", "fd00:10:96::7"), (PortMap(80, 8080),))
ENTRY = Service("db", "shop", "db.example", ("240.240.0.1", "2001:2::1"), (PortMap(5432, 80),), canonical=False)
POD = Workload(
    WorkloadUid("Kubernetes//Pod/shop/cart"), "cart", "shop", ("10.128.0.2", "fd00:10:128::2"), "one",
    tunnel=Tunnel.HBONE, services={CART.key: CART.ports},
)  # fmt: skip
NAMED = Workload(
    WorkloadUid("Kubernetes/networking.istio.io/ServiceEntry/shop/db/x"), "db", "shop",
    hostname=CART.hostname, services={ENTRY.key: ENTRY.ports},
)  # fmt: skip


def index(*records) -> Index:
    made = Index()
    made.apply(
        Changes(
            {each.uid: each for each in records if isinstance(each, Workload)},
            {each.key: each for each in records if isinstance(each, Service)},
        )
    )
    return made


def asked(index, name="240.240.0.1:5432"):
    return NodeGenerator(SETTINGS).on_demand(index, ENDPOINTS, name, "one")


def authorities(index, *name):
    (group,) = asked(index, *name).message.endpoints
    return [each.metadata.filter_metadata["sidestep"]["authority"] for each in group.lb_endpoints]


def test_the_name_of_a_service_leads_to_its_address_of_the_family_that_is_dialled():
    made = index(CART, ENTRY, POD, NAMED)
    assert authorities(made) == ["10.96.0.7:80"]
    assert authorities(made, "[2001:2::1]:5432") == ["[fd00:10:96::7]:80"]


def test_nobody_looks_who_has_the_address():
    (group,) = asked(index(replace(CART, vips=()), ENTRY, POD, NAMED)).message.endpoints
    (only,) = group.lb_endpoints
    assert only.metadata.filter_metadata["sidestep"]["authority"] == "10.128.0.2:80"
    assert "envoy.transport_socket_match" not in only.metadata.filter_metadata


def test_a_headless_service_leads_to_its_pods_that_are_ready():
    other = replace(POD, uid=WorkloadUid("other"), addresses=("10.128.0.3",))
    bare = replace(CART, vips=())
    assert sorted(authorities(index(bare, ENTRY, POD, other, NAMED))) == ["10.128.0.2:80", "10.128.0.3:80"]
    assert authorities(index(bare, ENTRY, POD, replace(other, healthy=False), NAMED)) == ["10.128.0.2:80"]


def test_the_name_of_nobody_leads_nowhere_until_somebody_has_it():
    made = index(ENTRY, NAMED)
    assert authorities(made) == []
    before = asked(made).depends
    dirty = made.apply(Changes(services={CART.key: CART}))
    assert before & set(topics(dirty))
    assert authorities(made) == ["10.96.0.7:80"]


def test_names_of_one_label_and_of_the_world_outside_are_nobodys():
    for hostname in ("localhost", "db.example.com", ""):
        made = index(CART, ENTRY, POD, replace(NAMED, hostname=hostname))
        assert authorities(made) == []


def test_other_endpoints_of_the_same_entry_are_dialled_by_address():
    other = replace(NAMED, uid=WorkloadUid("plain"), hostname="", addresses=("172.18.0.9",))
    made = index(CART, ENTRY, POD, NAMED, other)
    assert sorted(authorities(made)) == ["10.96.0.7:80", "172.18.0.9:80"]
