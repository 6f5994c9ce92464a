"""Where a proxy says whether it serves (15021) and what it counted (15090)."""

from collections.abc import Iterator
from datetime import timedelta

from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration

from sidestep.controlplane.generators.http import hcm
from sidestep.controlplane.generators.http.filters import http_filters
from sidestep.controlplane.generators.http.listening import ANY, addresses, chain
from sidestep.controlplane.marks import ADMIN

HEALTH_PORT, METRICS_PORT = 15021, 15090
READY, METRICS = "/healthz/ready", "/stats/prometheus"


def listeners() -> Iterator[Listener]:
    """A proxy serves as soon as it has these."""
    ready = {"match": {"path": READY}, "direct_response": {"status": 200}}
    yield _answering("health", HEALTH_PORT, ready)
    counted = {"match": {"path": METRICS}, "route": {"cluster": ADMIN, "timeout": timedelta(seconds=15)}}
    yield _answering("metrics", METRICS_PORT, counted)


def _answering(name: str, port: int, route: dict[str, object]) -> Listener:
    hosts = [{"name": name, "domains": ["*"], "routes": [route]}]
    told = RouteConfiguration(name=name, virtual_hosts=hosts, validate_clusters={"value": False})
    filters = http_filters(frozenset(), (), lambda asked: asked.host)
    manager = hcm.manager(name, told, hcm.Side.EDGE, filters)
    return Listener(name=name, filter_chains=[chain(name, [manager])], **addresses(port, ANY))
