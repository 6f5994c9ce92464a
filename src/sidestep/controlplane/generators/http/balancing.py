"""Which endpoint a connection or request goes to, as DestinationRules ask for it; routes say what is hashed.

Source: pilot/pkg/networking/core/cluster_traffic_policy.go (applyLoadBalancer), loadbalancer/loadbalancer.go.
"""

from envoy.config.cluster.v3.cluster_pb2 import Cluster

from sidestep.controlplane.generators.http.remarks import Fields

_LARGEST_RING, _LARGEST_TABLE = 8 * 1024 * 1024, 5_000_011
_RING = 1024
_SIMPLE = {
    "": Cluster.LbPolicy.LEAST_REQUEST,
    "UNSPECIFIED": Cluster.LbPolicy.LEAST_REQUEST,
    "LEAST_CONN": Cluster.LbPolicy.LEAST_REQUEST,
    "LEAST_REQUEST": Cluster.LbPolicy.LEAST_REQUEST,
    "ROUND_ROBIN": Cluster.LbPolicy.ROUND_ROBIN,
    "RANDOM": Cluster.LbPolicy.RANDOM,
}
_PASSTHROUGH = "PASSTHROUGH"


def balance(found: Cluster, settings: Fields) -> None:
    """The policy of a cluster whose kind of discovery is told already."""
    found.common_lb_config.healthy_panic_threshold.value = 0
    wanted = settings.under("loadBalancer")
    simple = wanted.text("simple").upper()
    if found.type == Cluster.DiscoveryType.ORIGINAL_DST or simple == _PASSTHROUGH:
        found.ClearField("eds_cluster_config")
        found.type, found.lb_policy = Cluster.DiscoveryType.ORIGINAL_DST, Cluster.LbPolicy.CLUSTER_PROVIDED
        return
    if wanted.has("consistentHash"):
        _hash(found, wanted.under("consistentHash"))
        return
    if simple not in _SIMPLE:
        wanted.refuse("simple", f"expected one of {', '.join(filter(None, _SIMPLE))}, PASSTHROUGH, found {simple!r}")
    found.lb_policy = _SIMPLE.get(simple, Cluster.LbPolicy.LEAST_REQUEST)
    _warm_up(found, wanted)


def hashes_addresses(settings: Fields) -> bool:
    """Whether connections are spread by the client's address."""
    return bool(settings.under("loadBalancer").under("consistentHash").flag("useSourceIp"))


def _hash(found: Cluster, wanted: Fields) -> None:
    if wanted.has("maglev"):
        found.lb_policy = Cluster.LbPolicy.MAGLEV
        if (size := wanted.under("maglev").whole("tableSize", 1, _LARGEST_TABLE)) is not None:
            if _prime(size):
                found.maglev_lb_config.table_size.value = size
            else:
                wanted.refuse("maglev.tableSize", f"expected a prime number, found {size}")
        return
    found.lb_policy = Cluster.LbPolicy.RING_HASH
    ring = wanted.under("ringHash").whole("minimumRingSize", 0, _LARGEST_RING)
    ring = wanted.whole("minimumRingSize", 0, _LARGEST_RING) if ring is None else ring
    found.ring_hash_lb_config.minimum_ring_size.value = _RING if ring is None else ring


def _prime(number: int) -> bool:
    return number > 1 and all(number % each for each in range(2, int(number**0.5) + 1))


def _warm_up(found: Cluster, wanted: Fields) -> None:
    """New endpoints get their share little by little."""
    warm = wanted.under("warmup")
    window = warm.time("duration") or wanted.time("warmupDurationSecs")
    if window is None:
        return
    if found.lb_policy == Cluster.LbPolicy.ROUND_ROBIN:
        slow = found.round_robin_lb_config.slow_start_config
    elif found.lb_policy == Cluster.LbPolicy.LEAST_REQUEST:
        slow = found.least_request_lb_config.slow_start_config
    else:
        return
    slow.slow_start_window.CopyFrom(window)
    if (least := warm.whole("minimumPercent", 0, 100)) is not None:
        slow.min_weight_percent.value = least
