"""EnvoyFilters, carried out on what a sidecar or a gateway is told: the operations that users use, on what they use.

Filters (`HTTP_FILTER`, `NETWORK_FILTER`), routes (`HTTP_ROUTE`, `VIRTUAL_HOST`, `ROUTE_CONFIGURATION`), `CLUSTER` and
`LISTENER`. What else an EnvoyFilter asks for is left out, and remarked upon by object and field.

Source: pilot/pkg/networking/core/envoyfilter (listener_patch.go, rc_patch.go, cluster_patch.go).
"""

from collections.abc import Callable, Iterable, MutableSequence, Sequence
from typing import Any

from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_components_pb2 import Route, VirtualHost
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
    HttpFilter,
)
from google.protobuf.message import Message

from sidestep.controlplane.generators import CLUSTER, LISTENER, ROUTES
from sidestep.controlplane.generators.http.patched_values import UnreadableError, merge, read
from sidestep.controlplane.generators.http.remarks import Remark
from sidestep.controlplane.generators.node.messages import packed
from sidestep.semantics.envoy_filters import Context, Patch
from sidestep.semantics.loose import as_dict, as_text

_MANAGER = "envoy.filters.network.http_connection_manager"
_BEFORE, _AFTER, _FIRST = "INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST"
_OPERATIONS = {
    "HTTP_FILTER": {_BEFORE, _AFTER, _FIRST, "ADD", "MERGE", "REMOVE", "REPLACE"},
    "NETWORK_FILTER": {_BEFORE, _AFTER, _FIRST, "ADD", "MERGE", "REMOVE", "REPLACE"},
    "HTTP_ROUTE": {_BEFORE, _AFTER, _FIRST, "ADD", "MERGE", "REMOVE"},
    "VIRTUAL_HOST": {"ADD", "MERGE", "REMOVE"},
    "ROUTE_CONFIGURATION": {"MERGE"},
    "CLUSTER": {"ADD", "MERGE", "REMOVE"},
    "LISTENER": {"MERGE", "REMOVE"},
}
_TYPES: dict[str, type[Message]] = {
    "HTTP_FILTER": HttpFilter, "NETWORK_FILTER": Filter, "HTTP_ROUTE": Route, "VIRTUAL_HOST": VirtualHost,
    "ROUTE_CONFIGURATION": RouteConfiguration, "CLUSTER": Cluster, "LISTENER": Listener,
}  # fmt: skip
_UNHEEDED = ("proxy", "waypoint")
"""Conditions on the proxy itself: a patch that has any is left out."""


def remarks(patches: Iterable[Patch]) -> list[Remark]:
    """What of patches is not carried out, and why."""
    return [Remark(each.object, each.place, why) for each in patches if (why := _refused(each))]


def changes(patch: Patch) -> str:
    """Resources of which type it changes."""
    match patch.apply_to:
        case "CLUSTER":
            return CLUSTER
        case "HTTP_ROUTE" | "VIRTUAL_HOST" | "ROUTE_CONFIGURATION":
            return ROUTES
        case _:
            return LISTENER


def patch_listener(listener: Listener, patches: Sequence[Patch], context: Context) -> Listener | None:
    """A listener with its patches; None for one that was removed."""
    wanted = [
        each for each in _of(patches, context, "LISTENER", "NETWORK_FILTER", "HTTP_FILTER") if _on(each, listener)
    ]
    if not wanted:
        return listener
    made = Listener()
    made.CopyFrom(listener)
    for each in wanted:
        if each.apply_to == "LISTENER":
            if each.operation == "REMOVE":
                return None
            merge(made, _value(each))
            continue
        chains = [*made.filter_chains, *([made.default_filter_chain] if made.HasField("default_filter_chain") else [])]
        for chain in chains:
            if _chain_met(each, chain):
                _patch_chain(chain, each)
    return made


def patch_routes(routes: RouteConfiguration, patches: Sequence[Patch], context: Context) -> RouteConfiguration:
    """Routes with their patches."""
    wanted = list(_of(patches, context, "ROUTE_CONFIGURATION", "VIRTUAL_HOST", "HTTP_ROUTE"))
    if not wanted:
        return routes
    made = RouteConfiguration()
    made.CopyFrom(routes)
    for each in wanted:
        asked = as_dict(each.match.get("routeConfiguration"))
        if as_text(asked.get("name")) not in ("", made.name):
            continue
        if each.apply_to == "ROUTE_CONFIGURATION":
            merge(made, _value(each))
        elif each.apply_to == "VIRTUAL_HOST":
            name = as_text(as_dict(asked.get("vhost")).get("name"))
            _change(made.virtual_hosts, each, lambda host, name=name: name in ("", host.name))  # type: ignore[misc]
        else:
            _patch_hosts(made.virtual_hosts, each, as_dict(asked.get("vhost")))
    return made


def patch_clusters(clusters: Iterable[Cluster], patches: Sequence[Patch], context: Context) -> list[Cluster]:
    """All clusters of one direction with their patches, those that are added among them."""
    wanted = list(_of(patches, context, "CLUSTER"))
    found = []
    for cluster in clusters:
        made: Cluster | None = cluster
        for each in wanted:
            if made is None or each.operation == "ADD" or not _cluster_met(each, cluster.name):
                continue
            made = None if each.operation == "REMOVE" else _merged(made, each)
        if made is not None:
            found.append(made)
    added = (each for each in wanted if each.operation == "ADD" and each.context is not None)
    return [*found, *(_value(each) for each in (*added, *_for_both(wanted, context)))]


def _for_both(patches: Iterable[Patch], context: Context) -> Iterable[Patch]:
    """Clusters that are added whatever the direction are added once: with those of clients."""
    return (each for each in patches if each.operation == "ADD" and each.context is None and context != Context.INBOUND)


def _of(patches: Iterable[Patch], context: Context, *kinds: str) -> Iterable[Patch]:
    return (each for each in patches if each.apply_to in kinds and each.holds_in(context) and not _refused(each))


def _refused(patch: Patch) -> str:
    """Why a patch is not carried out; empty where it is."""
    if patch.apply_to not in _OPERATIONS:
        return f"the lab patches {', '.join(_OPERATIONS)}, and not {patch.apply_to or 'nothing'}"
    if patch.operation not in _OPERATIONS[patch.apply_to]:
        return f"the lab does not {patch.operation or 'do nothing with'} a {patch.apply_to}"
    unheeded = [name for name in _UNHEEDED if patch.match.get(name)]
    if unheeded:
        return f"match.{unheeded[0]} is a condition that the lab does not know"
    try:
        _value(patch)
    except UnreadableError as error:
        return f"patch.value is nothing that Envoy knows: {error}"
    return ""


def _value(patch: Patch) -> Any:
    return read(patch.value, _TYPES[patch.apply_to])


def _merged(cluster: Cluster, patch: Patch) -> Cluster:
    made = Cluster()
    made.CopyFrom(cluster)
    merge(made, _value(patch))
    return made


def _on(patch: Patch, listener: Listener) -> bool:
    asked = as_dict(patch.match.get("listener"))
    port = asked.get("portNumber")
    own = listener.address.socket_address.port_value
    return as_text(asked.get("name")) in ("", listener.name) and (not port or port == own)


def _chain_met(patch: Patch, chain: FilterChain) -> bool:
    asked = as_dict(as_dict(patch.match.get("listener")).get("filterChain"))
    match = chain.filter_chain_match
    port, sni = asked.get("destinationPort"), as_text(asked.get("sni"))
    return (
        as_text(asked.get("name")) in ("", chain.name)
        and (not port or port == match.destination_port.value)
        and (not sni or sni in match.server_names)
        and as_text(asked.get("transportProtocol")) in ("", match.transport_protocol)
    )


def _patch_chain(chain: FilterChain, patch: Patch) -> None:
    asked = as_dict(as_dict(as_dict(patch.match.get("listener")).get("filterChain")).get("filter"))
    name = as_text(asked.get("name"))
    if patch.apply_to == "NETWORK_FILTER":
        _change(chain.filters, patch, lambda found: name in ("", found.name))
        return
    inner = as_text(as_dict(asked.get("subFilter")).get("name"))
    for each in chain.filters:
        if each.name == _MANAGER and name in ("", _MANAGER):
            manager = HttpConnectionManager.FromString(each.typed_config.value)
            _change(manager.http_filters, patch, lambda found: inner in ("", found.name))
            each.typed_config.CopyFrom(packed(manager))


def _patch_hosts(hosts: Iterable[VirtualHost], patch: Patch, asked: dict[str, Any]) -> None:
    name, route = as_text(asked.get("name")), as_dict(asked.get("route"))
    wanted, action = as_text(route.get("name")), as_text(route.get("action"))

    def met(found: Route) -> bool:
        done = {"ROUTE": "route", "REDIRECT": "redirect", "DIRECT_RESPONSE": "direct_response"}.get(action)
        return wanted in ("", found.name) and (done is None or found.HasField(done))

    for host in hosts:
        if name in ("", host.name):
            _change(host.routes, patch, met)


def _cluster_met(patch: Patch, name: str) -> bool:
    """By name, or by what Istio writes into it: direction, port, subset, service."""
    asked = as_dict(patch.match.get("cluster"))
    _, port, subset, host = name.split("|") if name.count("|") == 3 else ("", "", "", "")
    number = asked.get("portNumber")
    return (
        as_text(asked.get("name")) in ("", name)
        and as_text(asked.get("service")) in ("", host)
        and as_text(asked.get("subset")) in ("", subset)
        and (not number or str(number) == port)
    )


def _change(items: MutableSequence[Any], patch: Patch, met: Callable[[Any], bool]) -> None:
    """One operation on a list, where something meets what is asked for; adding asks for nothing."""
    places = [at for at, each in enumerate(items) if met(each)]
    match patch.operation:
        case "ADD":
            items.append(_value(patch))
        case "INSERT_FIRST":
            items.insert(0, _value(patch))
        case "REMOVE":
            for at in reversed(places):
                del items[at]
        case "MERGE":
            for at in places:
                merge(items[at], _value(patch))
        case "REPLACE" if places:
            items[places[0]].CopyFrom(_value(patch))
        case "INSERT_BEFORE" if places:
            items.insert(places[0], _value(patch))
        case "INSERT_AFTER" if places:
            items.insert(places[0] + 1, _value(patch))
        case _:
            pass
