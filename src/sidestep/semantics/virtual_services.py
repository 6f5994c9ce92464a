"""What a VirtualService binds to and where it sends.

Source: istio-semantics.md §4.3; D50 and §6.1 (b).
"""

from collections.abc import Iterator
from typing import Any

from sidestep.semantics.loose import as_dict, as_dicts, as_strings, as_text

MESH = "mesh"
_TWICE = ("retries", "timeout", "mirror", "mirrors", "fault", "rewrite", "headers")


def gateways(spec: dict[str, Any] | None) -> tuple[str, ...]:
    """What it binds to; a VirtualService that names none binds to the mesh."""
    return as_strings((spec or {}).get("gateways")) or (MESH,)


def is_meshed(spec: dict[str, Any] | None) -> bool:
    """Whether sidecars apply it."""
    return MESH in gateways(spec)


def at_gateways(spec: dict[str, Any] | None) -> tuple[str, ...]:
    """The gateways that apply it."""
    return tuple(name for name in gateways(spec) if name != MESH)


def destinations(spec: dict[str, Any] | None) -> tuple[str, ...]:
    """Every host that it sends to."""
    hosts = (as_text(as_dict(each.get("destination")).get("host")) for each in _weighted(spec or {}))
    return tuple(dict.fromkeys(host for host in hosts if host))


def acts_per_pass(spec: dict[str, Any] | None) -> tuple[str, ...]:
    """What has another effect when it is applied twice: retries multiply, mirrors double, rewrites miss."""
    rules = as_dicts((spec or {}).get("http"))
    return tuple(field for field in _TWICE if any(rule.get(field) for rule in rules))


def _weighted(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for part in ("http", "tls", "tcp"):
        for rule in as_dicts(spec.get(part)):
            yield from as_dicts(rule.get("route"))
