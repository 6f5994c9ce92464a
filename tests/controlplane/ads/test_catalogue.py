"""Answers on demand: what is told of destinations that are there, that are no more, and that never were."""

from msgspec.structs import replace

from sidestep.controlplane.ads.catalogue import VACANT, Catalogue, Key
from sidestep.controlplane.generators import CLUSTER
from sidestep.controlplane.generators.node import NodeGenerator, Settings
from sidestep.controlplane.index import Changes, Index
from sidestep.controlplane.records import PortMap, Service

WEB = Service("web", "shop", "web.shop.svc.cluster.local", ("10.96.0.7",), (PortMap(80, 8080),))
OTHER = Service("other", "shop", "other.shop.svc.cluster.local", ("10.96.0.8",), (PortMap(80, 8080),))


class Told:
    """A catalogue of one service, and what changed in it."""

    def __init__(self) -> None:
        self.index = Index()
        self.index.apply(Changes(services={WEB.key: WEB, OTHER.key: OTHER}))
        settings = Settings(pods=("10.128.0.0/9",), services=("10.96.0.0/16",), access_log="/dev/null")
        self.catalogue = Catalogue(NodeGenerator(settings), self.index)

    def has(self, port: int, proxy: str = "one") -> bool:
        return self.catalogue.find(CLUSTER, f"10.96.0.7:{port}", proxy) is not None

    def change(self, service: Service, key=WEB.key) -> list[Key]:
        return list(self.catalogue.renew(self.index.apply(Changes(services={key: service}))))


def test_a_port_that_was_never_declared_leads_nowhere_for_the_first_that_a_proxy_asks_about():
    told = Told()
    assert all(told.has(1000 + number) for number in range(VACANT))
    assert not told.has(5000)
    assert told.has(80)
    assert told.has(5000, proxy="two")


def test_what_is_forgotten_makes_room():
    told = Told()
    assert all(told.has(1000 + number) for number in range(VACANT))
    told.catalogue.forget(Key(CLUSTER, "10.96.0.7:1000", "one"))
    assert told.has(5000)
    assert not told.has(5001)


def test_a_port_that_is_declared_later_is_told_whether_there_was_room_or_not():
    told = Told()
    assert all(told.has(1000 + number) for number in range(VACANT))
    assert not told.has(5000)
    touched = told.change(replace(WEB, ports=(PortMap(80, 8080), PortMap(1000, 1), PortMap(5000, 1))))
    assert {key.name for key in touched} >= {"10.96.0.7:1000", "10.96.0.7:5000"}
    assert told.has(5000)
    assert told.has(6000), "what is declared now takes no room any more"


def test_what_leads_nowhere_costs_nothing_when_something_else_changes():
    told = Told()
    for number in range(2 * VACANT):
        told.has(1000 + number)
    assert told.change(replace(OTHER, ports=()), OTHER.key) == []


def test_what_was_there_once_leads_nowhere_whatever_else_does():
    told = Told()
    assert told.has(80)
    assert all(told.has(1000 + number) for number in range(VACANT))
    told.change(replace(WEB, ports=()))
    assert told.has(80)
    assert all(told.has(1000 + number) for number in range(VACANT))
