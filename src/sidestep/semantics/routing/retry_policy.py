"""Retries: as objects ask for them, and those that nobody asked for.

Source: pilot/pkg/networking/core/route/retry/retry.go; D43. Before 1.24 the default also retried on status 503.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from sidestep.semantics.routing.route import Retries
from sidestep.semantics.trees import mapping, text, whole
from sidestep.semantics.versions import IstioVersion

_ATTEMPTS = 2
_CODES = "retriable-status-codes"
_ON = f"connect-failure,refused-stream,unavailable,cancelled,{_CODES}"
_UNSAFE = "503"
_STATUSES = frozenset(status.value for status in HTTPStatus)
NO_RETRIES = Retries()
INBOUND = Retries(_ATTEMPTS, "reset-before-request")
"""At sidecars of the destination, and for unrouted requests at waypoints before 1.31."""


def default_retries(version: IstioVersion) -> Retries:
    """What a proxy of a client does of itself."""
    return Retries(_ATTEMPTS, _ON if version.since(1, 24) else f"{_ON},{_UNSAFE}")


def retries(value: object, field: str, version: IstioVersion) -> Retries | None:
    """The `retries` of a VirtualService, or the mesh's `defaultHttpRetryPolicy`; None for none.

    Raises:
        MalformedError: a field has a wrong type.
    """
    if value is None:
        return None
    tree = mapping(value, field)
    attempts = whole(tree.get("attempts"), f"{field}.attempts") or 0
    if attempts <= 0:
        return NO_RETRIES
    on = text(tree.get("retryOn"), f"{field}.retryOn")
    per_try = text(tree.get("perTryTimeout"), f"{field}.perTryTimeout")
    details = _details(tree)
    chosen = _conditions(on) if on else default_retries(version).on
    return Retries(attempts, ";".join((chosen, *details)), per_try)


def _conditions(written: str) -> str:
    parts = [part.strip() for part in written.split(",") if part.strip()]
    coded = any(part.isdecimal() and int(part) in _STATUSES for part in parts)
    return ",".join((*parts, _CODES) if coded and _CODES not in parts else parts)


def _details(tree: Mapping[str, Any]) -> tuple[str, ...]:
    """What else a policy says of its attempts, so that two that differ in it differ in words."""
    named = ("backoff", "retryRemoteLocalities", "retryIgnorePreviousHosts")
    return tuple(f"{name}={tree[name]}".lower() for name in named if isinstance(tree.get(name), str | bool))
