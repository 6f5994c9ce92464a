"""Which proxies there are, and from where their tokens count."""

from msgspec.structs import replace

from sidestep.controlplane.homes import Homes
from sidestep.controlplane.index import Changes, Index
from sidestep.controlplane.records import ProxyRole, Workload, WorkloadUid
from sidestep.controlplane.registry.registry import Change
from sidestep.controlplane.tokens import Proxy

_NODE = {
    "apiVersion": "v1", "kind": "Node", "metadata": {"name": "one"},
    "status": {"addresses": [{"type": "InternalIP", "address": "10.1.0.1"}]},
}  # fmt: skip
_POD = Workload(WorkloadUid("c//Pod/shop/w"), "w", "shop", ("10.0.0.7", "fd00::7"), "one", proxy=ProxyRole.WAYPOINT)
_ITS = Proxy("waypoint", "shop/w")


def _homes(*pods: Workload) -> tuple[Homes, Index]:
    homes, index = Homes("node"), Index()
    homes.notice([Change.to(_NODE)])
    homes.move(index, index.apply(Changes({each.uid: each for each in pods})).workloads)
    return homes, index


def test_a_pods_token_counts_from_its_own_addresses_only():
    homes, _ = _homes(_POD)
    seen = {at: homes.at_home(_ITS, at) for at in ("10.0.0.7", "::ffff:10.0.0.7", "fd00::7", "10.0.0.8", "10.1.0.1")}
    assert [at for at, counts in seen.items() if counts] == ["10.0.0.7", "::ffff:10.0.0.7", "fd00::7"]
    assert not homes.at_home(Proxy("sidecar", "shop/w"), "10.0.0.7")
    assert homes.at_home(Proxy("node", "one"), "10.1.0.1")


def test_a_pod_without_proxy_or_that_is_gone_has_none():
    homes, index = _homes(_POD, replace(_POD, uid=WorkloadUid("c//Pod/shop/a"), name="a", proxy=None))
    assert homes.proxies == {_ITS, Proxy("node", "one")}
    homes.move(index, index.apply(Changes({_POD.uid: None})).workloads)
    assert homes.proxies == {Proxy("node", "one")}
    assert not homes.at_home(_ITS, "10.0.0.7")
