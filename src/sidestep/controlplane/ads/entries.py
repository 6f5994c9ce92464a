"""Resources as they go over the wire: encoded once, whoever is told.

Messages of protocol buffers that are put one behind the other are one message. So a resource is encoded once, as a
response that has only it, and a response to a proxy is several of these and an end.
"""

import hashlib
from collections.abc import Iterable

from envoy.config.route.v3.scoped_route_pb2 import ScopedRouteConfiguration
from envoy.service.discovery.v3.discovery_pb2 import DeltaDiscoveryResponse
from google.protobuf.message import Message
from msgspec import Struct

from sidestep.controlplane.generators import SCOPED_ROUTES, Resource

_DIGITS = 16


class Entry(Struct, frozen=True):
    """A resource, ready to be sent.

    Attributes:
        version: of its content: the same content has the same version, also after a restart.
        wire: a response that has only this resource.
    """

    version: str
    wire: bytes


def encoded(resource: Resource) -> Entry:
    """A resource whose version is told by its content."""
    return entry(resource.type_url, resource.name, resource.message.SerializeToString(deterministic=True))


def entry(type_url: str, name: str, content: bytes, version: str = "") -> Entry:
    """A resource of encoded content.

    Args:
        type_url: of the content.
        name: by which it is asked for.
        content: the message.
        version: where it is not to be told by the content.
    """
    version = version or hashlib.blake2b(content, digest_size=_DIGITS // 2).hexdigest()
    response = DeltaDiscoveryResponse()
    added = response.resources.add(name=name, version=version)
    added.resource.type_url, added.resource.value = type_url, content
    return Entry(version, response.SerializeToString())


def response(type_url: str, nonce: str, entries: Iterable[Entry], removed: Iterable[str]) -> bytes:
    """What a proxy is sent at once of a type."""
    end = DeltaDiscoveryResponse(type_url=type_url, nonce=nonce, removed_resources=removed)
    return b"".join((*(each.wire for each in entries), end.SerializeToString()))


def again(type_url: str, found: Entry, nonce: str) -> Entry:
    """A resource once more, after a response was rejected in which it was.

    Of that response Envoy (1.40) keeps scopes that it never tells its workers of, and a scope of the same bytes is none
    that it has to take. So its bytes are made others, where nobody reads them.
    """
    if type_url != SCOPED_ROUTES:
        return found
    response = DeltaDiscoveryResponse.FromString(found.wire)
    for each in response.resources:
        scope = ScopedRouteConfiguration.FromString(each.resource.value)
        scope.route_configuration.metadata.filter_metadata["mesh"]["again"] = nonce
        each.resource.value = scope.SerializeToString(deterministic=True)
    return Entry(found.version, response.SerializeToString())


def resources_in(entry: Entry) -> Iterable[Message]:
    """What an entry holds, for who wants to look."""
    for each in DeltaDiscoveryResponse.FromString(entry.wire).resources:
        yield each.resource
