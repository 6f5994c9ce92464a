"""Gateways that routes name, whether they are there or not."""

from collections.abc import Iterator
from typing import Any

from sidestep.model.kinds import GRPC_ROUTE, HTTP_ROUTE, TCP_ROUTE, TLS_ROUTE, VIRTUAL_SERVICE, Kind
from sidestep.model.mesh import Mesh
from sidestep.model.resource import Resource

ANY_GATEWAY = ""
"""In place of a name, where a route cannot be read and may name any."""
_OF_GATEWAY_API: tuple[Kind[Any], ...] = (HTTP_ROUTE, GRPC_ROUTE, TCP_ROUTE, TLS_ROUTE)


def named_gateways(mesh: Mesh) -> frozenset[str]:
    """Names of the Gateways that any route may name, in whichever namespace they are."""
    of_gateway_api = (name for kind in _OF_GATEWAY_API for each in mesh.of(kind) for name in _named(each, "parentRefs"))
    of_istio = (name for each in mesh.of(VIRTUAL_SERVICE) for name in _named(each, "gateways"))
    return frozenset((*of_gateway_api, *of_istio))


def _named(route: Resource[Any], field: str) -> Iterator[str]:
    found = (route.view.spec or {}).get(field) or ()
    if not isinstance(found, list | tuple):
        return iter((ANY_GATEWAY,))
    return map(_name, found)


def _name(ref: object) -> str:
    """Of a parent, or of a Gateway as VirtualServices write it."""
    name = ref.get("name") if isinstance(ref, dict) else ref
    return name.rpartition("/")[2] if isinstance(name, str) else ANY_GATEWAY
