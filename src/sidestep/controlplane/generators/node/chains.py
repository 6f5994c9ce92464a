"""Filter chains of connections whose bytes are only copied."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.config.listener.v3.listener_components_pb2 import Filter, FilterChain, ListenerFilter
from envoy.extensions.filters.common.set_filter_state.v3.value_pb2 import FilterStateValue
from envoy.extensions.filters.listener.original_dst.v3.original_dst_pb2 import OriginalDst
from envoy.extensions.filters.listener.original_src.v3.original_src_pb2 import OriginalSrc
from envoy.extensions.filters.network.set_filter_state.v3.set_filter_state_pb2 import Config as SetFilterState
from envoy.extensions.filters.network.tcp_proxy.v3.tcp_proxy_pb2 import TcpProxy
from google.protobuf.message import Message
from google.protobuf.wrappers_pb2 import StringValue

from sidestep.controlplane.generators.node.clusters import NAMESPACE_STATE, NOWHERE
from sidestep.controlplane.generators.node.messages import HASHED, extension, literal, packed, state

REFUSED = "refused"
"""Name of the chain of who is not let in."""

WHERE_TO = ListenerFilter(name="envoy.filters.listener.original_dst", typed_config=packed(OriginalDst()))
"""Finds where a connection was going to before it was redirected."""
WHO_FROM = ListenerFilter(name="envoy.filters.listener.original_src", typed_config=packed(OriginalSrc()))
"""Speaks to the application from the client's address."""


def from_netns(netns: str) -> FilterStateValue:
    """Connections on behalf of this one are made in a pod."""
    return state(NAMESPACE_STATE, literal(netns), factory=HASHED)


def remember(values: Sequence[FilterStateValue]) -> Filter:
    """Set filter state before anything else happens."""
    return _filter("envoy.filters.network.set_filter_state", SetFilterState(on_new_connection=values))


def copy(
    name: str, cluster: str, logs: Iterable[AccessLog] = (), options: Mapping[str, object] | None = None
) -> TcpProxy:
    """Copy bytes, both ways, however long nothing is said."""
    return TcpProxy(
        stat_prefix=name,
        cluster=cluster,
        idle_timeout=timedelta(0),
        access_log=logs,
        access_log_options=options or None,
    )


def chosen(name: str) -> TypedExtensionConfig:
    """What a matcher says, so that a connection is the chain's of that name."""
    return extension(name, StringValue(value=name))


def proxied(proxy: TcpProxy) -> Filter:
    """The last filter of a chain."""
    return _filter("envoy.filters.network.tcp_proxy", proxy)


def refused(logs: Iterable[AccessLog] = ()) -> FilterChain:
    """Closes a connection before a byte was sent either way."""
    return FilterChain(name=REFUSED, filters=[proxied(copy(REFUSED, NOWHERE, logs))])


def _filter(name: str, message: Message) -> Filter:
    return Filter(name=name, typed_config=packed(message))
