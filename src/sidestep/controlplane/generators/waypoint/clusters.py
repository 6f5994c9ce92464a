"""Clusters of a waypoint that lead inside of it, and to pods that were dialled themselves."""

from collections.abc import Iterator
from datetime import timedelta

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.extensions.upstreams.http.v3.http_protocol_options_pb2 import HttpProtocolOptions

from sidestep.controlplane.generators.http.destinations import Dialler
from sidestep.controlplane.generators.http.hbone import tunnel_cluster
from sidestep.controlplane.generators.http.pools import HTTP_OPTIONS
from sidestep.controlplane.generators.node.clusters import UNBROKEN, relayed
from sidestep.controlplane.generators.node.messages import inside, packed
from sidestep.controlplane.generators.waypoint.names import MAIN, PLAIN_PODS, PODS, SNIFF, STREAMS, WAIT

_CONNECT = timedelta(seconds=10)
_AS_CLIENT = HttpProtocolOptions(
    use_downstream_protocol_config={"http_protocol_options": {}, "http2_protocol_options": {}}
)
_STREAMS = HttpProtocolOptions(
    explicit_http_config={
        "http2_protocol_options": {"allow_connect": True, "max_concurrent_streams": {"value": 2**31 - 1}}
    }
)


def clusters(dialler: Dialler) -> Iterator[Cluster]:
    """All of them."""
    yield from views()
    yield _within(WAIT)
    for name, options in ((STREAMS, _STREAMS), (PODS, _AS_CLIENT)):
        found = _within(name)
        found.typed_extension_protocol_options[HTTP_OPTIONS].CopyFrom(packed(options))
        yield found
    plain = Cluster(name=PLAIN_PODS, type="ORIGINAL_DST", lb_policy="CLUSTER_PROVIDED", connect_timeout=_CONNECT)
    plain.circuit_breakers.CopyFrom(_unbroken())
    plain.typed_extension_protocol_options[HTTP_OPTIONS].CopyFrom(packed(_AS_CLIENT))
    yield plain
    yield tunnel_cluster(dialler)


def views(view: str = "") -> Iterator[Cluster]:
    """To where requests are judged that are seen alike."""
    for name in (MAIN, SNIFF):
        yield _within(name + view)


def _unbroken() -> object:
    return Cluster(circuit_breakers=UNBROKEN).circuit_breakers


def _within(name: str) -> Cluster:
    """To a listener inside of the proxy."""
    return Cluster(
        name=name,
        type="STATIC",
        connect_timeout=_CONNECT,
        circuit_breakers=UNBROKEN,
        transport_socket=relayed(),
        load_assignment={
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": inside(name)}}]}],
        },
    )
