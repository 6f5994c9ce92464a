"""The gateways that a VirtualService names, in full.

Source: pilot/pkg/model/config.go (resolveGatewayName).
"""

from sidestep.semantics.routing.hosts import MESH
from sidestep.semantics.trees import strings


def gateway_names(value: object, field: str, namespace: str) -> frozenset[str]:
    """Gateways as `namespace/name`, and `mesh`.

    Raises:
        MalformedError: it is no list of texts.
    """
    return frozenset(gateway_name(name, namespace) for name in strings(value, field))


def gateway_name(written: str, namespace: str) -> str:
    """One gateway in full: a short name is the namespace's own; `name.namespace…` is the old way to name others."""
    if written == MESH:
        return MESH
    where, slash, name = written.partition("/")
    if slash:
        return f"{namespace}/{name}" if where == "." else written
    name, dot, rest = written.partition(".")
    return f"{rest.partition('.')[0]}/{name}" if dot else f"{namespace}/{name}"
