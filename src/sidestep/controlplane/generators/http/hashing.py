"""By what requests are spread where a DestinationRule asks for consistent hashing: the words of a route.

Source: pilot/pkg/networking/core/route/route.go (consistentHashToHashPolicy). How the hash finds an endpoint is the
cluster's.
"""

from collections.abc import Callable, Mapping
from typing import Any

from envoy.config.route.v3.route_components_pb2 import RouteAction

from sidestep.controlplane.generators.http.durations import readable
from sidestep.semantics.loose import as_dict, as_text
from sidestep.semantics.routing.rule import Target

SettingsOf = Callable[[Target], Mapping[str, Any]]
"""What DestinationRules ask of connections to a destination (`semantics.routing.traffic_words.effective`)."""


def nothing(_: Target) -> Mapping[str, Any]:
    """Of destinations of which no DestinationRule speaks."""
    return {}


def hashed_by(settings: Mapping[str, Any]) -> RouteAction.HashPolicy | None:
    """What is hashed; None where requests are spread otherwise."""
    asked = as_dict(as_dict(settings.get("loadBalancer")).get("consistentHash"))
    if name := as_text(asked.get("httpHeaderName")):
        return RouteAction.HashPolicy(header={"header_name": name})
    if cookie := as_dict(asked.get("httpCookie")):
        return _cookie(cookie)
    if asked.get("useSourceIp") is True:
        return RouteAction.HashPolicy(connection_properties={"source_ip": True})
    if name := as_text(asked.get("httpQueryParameterName")):
        return RouteAction.HashPolicy(query_parameter={"name": name})
    return None


def _cookie(asked: Mapping[str, Any]) -> RouteAction.HashPolicy | None:
    """A cookie; with a time to live it is set where a client has none."""
    name = as_text(asked.get("name"))
    if not name:
        return None
    found = RouteAction.HashPolicy(cookie={"name": name, "path": as_text(asked.get("path"))})
    lasting = readable(as_text(asked.get("ttl")))
    if lasting is not None:
        found.cookie.ttl.CopyFrom(lasting)
    return found
