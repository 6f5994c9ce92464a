"""What proxies used and counted, by many looks."""

from sidestep.model.metadata import WorkloadRef
from sidestep.plan.measures import Quantity, Query
from sidestep.rehearse.gates import _cpu, _taken
from sidestep.rehearse.looks import Look, Process, Taken, connections, cores, usage

SHOP = ("shop", "cart")
METRICS = """
istio_tcp_connections_opened_total{reporter="destination",destination_workload="cart",destination_workload_namespace="shop",connection_security_policy="mutual_tls"} 5
istio_tcp_connections_opened_total{reporter="destination",destination_workload="cart",destination_workload_namespace="shop",connection_security_policy="unknown"} 2
istio_tcp_connections_opened_total{reporter="source",destination_workload="cart",destination_workload_namespace="shop",connection_security_policy="mutual_tls"} 9
istio_tcp_connections_closed_total{reporter="destination",destination_workload="cart",destination_workload_namespace="shop",connection_security_policy="mutual_tls"} 4
istio_requests_total{reporter="destination",destination_workload="cart"} 7
"""


def look(at, taken=None, **cpu):
    roles = {"a": "sidecar", "b": "sidecar", "w": "waypoint"}
    processes = {name: Process(roles[name], seconds, 100) for name, seconds in cpu.items()}
    return Look(float(at), processes, {SHOP: taken} if taken else {})


def test_connections_are_counted_where_they_arrive():
    assert connections(METRICS) == {SHOP: Taken(7, 2, 4)}


def test_what_came_and_went_between_looks_is_counted_as_far_as_it_was_seen():
    looks = [look(0, a=1.0, b=5.0), look(1, a=1.5, b=5.0), look(2, a=1.6, w=0.3)]
    assert {name: round(each, 3) for name, each in cores(looks, lambda *_: True).items()} == {
        "a": 0.3,
        "b": 0.0,
        "w": 0.15,
    }
    used = usage(looks)
    assert (used["sidecar"].processes, used["sidecar"].memory, round(used["sidecar"].cores, 3)) == (1, 166, 0.3)
    assert used["waypoint"].processes == 1
    assert cores(looks[:1], lambda *_: True) == {}


def asked(quantity):
    return Query(quantity, "", (WorkloadRef("shop", "Deployment", "cart"),))


def test_of_connections_what_was_opened_meanwhile_counts_or_what_has_lasted():
    looks = [look(0, Taken(10, 1, 4)), look(9, Taken(15, 3, 8))]
    found = {each: _taken(asked(each), looks) for each in (
        Quantity.TAKEN_CONNECTIONS, Quantity.PLAIN_CONNECTIONS, Quantity.OLD_CONNECTIONS)}  # fmt: skip
    assert list(found.values()) == [5.0, 2.0, 2.0]
    assert _taken(asked(Quantity.TAKEN_CONNECTIONS), [look(0), look(1)]) is None, "nobody took any: no data"


def test_of_sidecars_the_mean_counts_and_of_waypoints_the_busiest():
    looks = [look(0, a=0.0, b=0.0, w=0.0), look(1, a=0.2, b=0.4, w=0.5)]
    assert round(_cpu(asked(Quantity.SIDECAR_CPU), looks), 3) == 0.3
    assert _cpu(asked(Quantity.WAYPOINT_CPU), looks) == 0.5
    assert _cpu(asked(Quantity.WAYPOINT_CPU), [look(0, a=1.0), look(1, a=1.0)]) is None
    assert _cpu(asked(Quantity.SIDECAR_CPU), [look(0, w=1.0), look(1, w=1.0)]) == 0.0
