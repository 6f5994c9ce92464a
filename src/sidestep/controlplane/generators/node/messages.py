"""Small parts that many of Envoy's messages need: packed extensions, addresses, filter state."""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any as Tree

from envoy.config.core.v3.address_pb2 import Address, CidrRange
from envoy.config.core.v3.config_source_pb2 import ConfigSource
from envoy.config.core.v3.extension_pb2 import TypedExtensionConfig
from envoy.extensions.filters.common.set_filter_state.v3.value_pb2 import FilterStateValue
from google.protobuf.any_pb2 import Any
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from xds.type.v3.typed_struct_pb2 import TypedStruct

ADS = ConfigSource(ads={}, resource_api_version="V3")
TYPES = "type.googleapis.com/"

HASHED = "envoy.hashable_string"
"""The only kind of string that tells pools of connections apart: with any other, one workload's requests leave through
another's connection, under its identity (envoy.md §0)."""


def packed(message: Message) -> Any:
    """A message with its type; the same bytes each time."""
    return Any(type_url=TYPES + message.DESCRIPTOR.full_name, value=message.SerializeToString(deterministic=True))


def extension(name: str, message: Message) -> TypedExtensionConfig:
    """An extension of Envoy's with its configuration."""
    return TypedExtensionConfig(name=name, typed_config=packed(message))


def untyped(type_name: str, value: Mapping[str, Tree]) -> Any:
    """A message whose type the installed protocol files lack: Envoy reads it by the names of its fields."""
    return packed(ParseDict({"typeUrl": TYPES + type_name, "value": value}, TypedStruct()))


def listening(port: int, netns: str) -> dict[str, Tree]:
    """Where a listener of a pod listens, as its fields: a socket for each family, IPv6's last.

    With one for both, all pods' listeners of a port share one entry in a table of Envoy's, which keeps the first pod's
    after that is gone, and Envoy ends when a connection of it does (1.40).
    """
    four, six = (
        Address(socket_address={"address": any_address, "port_value": port, "network_namespace_filepath": netns})
        for any_address in ("0.0.0.0", "::")  # noqa: S104 - within the pod
    )
    return {"address": four, "additional_addresses": [{"address": six}]}


def dialled(address: str, port: int) -> Address:
    """Whom to connect to."""
    return Address(socket_address={"address": address, "port_value": port})


def inside(listener: str, endpoint: str = "") -> Address:
    """A listener that exists only inside of the proxy."""
    return Address(envoy_internal_address={"server_listener_name": listener, "endpoint_id": endpoint})


@lru_cache(maxsize=4096)
def cidr(network: str) -> CidrRange:
    """A network, or a single address."""
    found = ip_network(network, strict=False)
    return CidrRange(address_prefix=str(found.network_address), prefix_len={"value": found.prefixlen})


def state(key: str, value: str, *, factory: str = "", shared: str = "TRANSITIVE") -> FilterStateValue:
    """A value that later parts of the proxy find by its key.

    Args:
        key: by which it is found.
        value: a format string.
        factory: what kind of object it becomes; by its key where empty.
        shared: `NONE`, or how far it goes with connections that are made on behalf of this one.
    """
    return FilterStateValue(
        object_key=key,
        factory_key=factory,
        format_string={"text_format_source": {"inline_string": value}},
        shared_with_upstream=shared,
    )


def literal(text: str) -> str:
    """Text in which a format string finds nothing to replace."""
    return text.replace("%", "%%")


def with_port(address: str, port: int) -> str:
    """As Envoy prints an address and as CONNECT names it: IPv6 in brackets."""
    return f"[{address}]:{port}" if ip_address(address).version == 6 else f"{address}:{port}"
