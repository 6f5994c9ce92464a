"""Whom telemetry is told of: who is there, and who went a while ago."""

from sidestep.controlplane.departed import Departed
from sidestep.controlplane.describing import Answer, described
from sidestep.controlplane.index import Changes, Index
from sidestep.controlplane.records import Records, Service, Workload, WorkloadUid

_A, _B = (WorkloadUid(f"Kubernetes//Pod/default/{name}") for name in "ab")


def _pod(uid=_A, **fields) -> Workload:
    return Workload(uid, uid.rpartition("/")[2], "default", **{"addresses": ("10.0.0.1",), "node": "one", **fields})


def _index(*pods: Workload) -> Index:
    return Index.of(Records({each.uid: each for each in pods}, {}, {}))


def _name(index: Index, name: str) -> str:
    party = described(index, name).party
    return party.workload if party is not None else ""


def test_who_is_gone_is_known_by_its_key_and_by_its_address():
    index = _index(_pod(), _pod(_B, addresses=("10.0.0.2",)))
    index.apply(Changes({_A: None}))
    assert [_name(index, each) for each in (_A, "10.0.0.1", _B, "10.0.0.2")] == ["a", "a", "b", "b"]
    assert described(index, "10.0.0.3") == described(index, "nobody.example") == Answer()


def test_who_has_an_address_now_is_meant_by_it():
    index = _index(_pod())
    index.apply(Changes({_A: None}))
    index.apply(Changes({_B: _pod(_B)}))
    assert [_name(index, each) for each in (_A, "10.0.0.1")] == ["a", "b"]


def test_an_address_that_is_a_services_now_is_nobodys_who_is_gone():
    index = _index(_pod())
    index.apply(Changes({_A: None}))
    service = Service("web", "default", "web.default.svc.cluster.local", vips=("10.0.0.1",))
    index.apply(Changes(services={service.key: service}))
    answer = described(index, "10.0.0.1")
    assert answer.party is None
    assert answer.service is not None


def test_one_that_came_back_is_there_as_it_is_now():
    index = _index(_pod())
    index.apply(Changes({_A: None}))
    index.apply(Changes({_A: _pod(canonical_name="new")}))
    party = described(index, _A).party
    assert party is not None
    assert party.canonical_service == "new"


def test_one_that_has_its_nodes_address_is_not_known_by_it():
    index = _index(_pod(host_network=True))
    index.apply(Changes({_A: None}))
    assert [_name(index, each) for each in (_A, "10.0.0.1")] == ["a", ""]


def test_the_oldest_are_forgotten():
    departed = Departed(most=2)
    pods = [_pod(WorkloadUid(f"Kubernetes//Pod/default/{name}"), addresses=(f"10.0.0.{name}",)) for name in (1, 2, 3)]
    for each in pods:
        departed.keep(each)
    assert [departed.named(each.uid) is not None for each in pods] == [False, True, True]
    assert [departed.at(f"10.0.0.{name}") is not None for name in (1, 2, 3)] == [False, True, True]
    departed.keep(pods[1])
    departed.keep(_pod(WorkloadUid("Kubernetes//Pod/default/4"), addresses=("10.0.0.3",)))
    assert departed.named(pods[1].uid) is not None
    assert departed.named(pods[2].uid) is None
    assert departed.at("10.0.0.3") is not None
