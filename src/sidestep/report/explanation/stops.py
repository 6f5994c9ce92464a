"""What every format draws of a path: the stops, how one comes to each, what is seen there and who decides what."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from msgspec import Struct

from sidestep.explain.explanation import HopReport, StateReport, Way

_NOBODY = "no proxy"
_ROUTERS = ("client sidecar", "waypoint", "gateway")
_SENDERS = ("client sidecar", "ztunnel of the client's node", "gateway")
_PLAIN_EDITS = ("timeout", "rewritePath", "rewriteHost")
_LISTED = ("faults", "mirrors", "requestEdits", "responseEdits", "trafficPolicy")


class Sign(StrEnum):
    """What became of a request at a stop, or at all; the value is what the document says."""

    ALLOW = "allow"
    DENY = "deny"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"

    @property
    def word(self) -> str:
        """For people."""
        return {Sign.ALLOW: "allowed", Sign.DENY: "denied"}.get(self, self.value)

    @property
    def mark(self) -> str:
        """One character."""
        return {Sign.ALLOW: "✓", Sign.DENY: "✗", Sign.UNREACHABLE: "✗"}.get(self, "?")


class Stop(Struct, frozen=True):
    """One stop.

    Attributes:
        way: how the request comes to it; empty for the first, which the client hands it to in its own pod.
        name: what stands there and whose it is.
        facts: what is seen there, one line each.
        checks: what was asked there, with the answer.
        sign: of the whole stop.
    """

    way: str
    name: str
    facts: tuple[str, ...]
    checks: tuple[tuple[Sign, str], ...]
    sign: Sign


def stops(path: tuple[HopReport, ...], route: dict[str, Any] | None) -> tuple[Stop, ...]:
    """All stops of a path; the route stands where it was chosen."""
    routers = [place for place, hop in enumerate(path) if hop.proxy in _ROUTERS]
    chosen_at = routers[-1] if routers else -1
    return tuple(_stop(hop, route_words(route) if place == chosen_at else "") for place, hop in enumerate(path))


def title(state: StateReport) -> str:
    """Which state it is."""
    if state.state.isdigit():
        return f"After wave {state.state}"
    return "By labels alone" if state.state == "labels" else state.state.capitalize()


def verdict_line(state: StateReport) -> str:
    """The verdict with how it looks to the client."""
    shape = f" ({state.shape})" if state.shape else ""
    return f"{Sign(state.verdict).word}{shape}"


def ways_apart(state: StateReport) -> tuple[Way, ...]:
    """Ways that are drawn by themselves: one of each kind that ends otherwise or takes other stops."""
    found: dict[tuple[object, ...], Way] = {}
    for way in state.ways:
        key = (way.verdict, way.shape, way.condition, tuple((hop.proxy, hop.mode) for hop in way.path))
        found.setdefault(key, way)
    return tuple(found.values())


def way_line(way: Way) -> str:
    """One way in a line: where, how often, when, and what becomes of it."""
    where = way.destination or (way.path[-1].at if way.path else "")
    share = f", {way.share:.0%} of requests" if 0 < way.share < 1 else ""
    told = f"{where}{share}{f', {way.condition}' if way.condition else ''}"
    return f"{told}: {Sign(way.verdict).word}{f' ({way.shape})' if way.shape else ''}"


def route_words(route: dict[str, Any] | None) -> str:
    """The route in a line; nothing for one that nobody wrote."""
    if not route or route.get("source") == "default":
        return ""
    thing = route.get("object") or {}
    named = f"{route['source']} {thing.get('namespace', '')}/{thing.get('name', '')}" if thing else str(route["source"])
    to = ", ".join(_backend(each, len(route["backends"])) for each in route.get("backends", ()))
    edits = [f"{name} {route[name]}" for name in _PLAIN_EDITS if route.get(name)]
    edits += [str(each) for name in _LISTED for each in route.get(name, ())]
    rule = f" {route['rule']}" if route.get("rule") else ""
    with_edits = f" ({'; '.join(edits)})" if edits else ""
    return f"{named}{rule}{f' to {to}' if to else ''}{with_edits}"


def _backend(backend: dict[str, Any], siblings: int) -> str:
    subset = f" subset {backend['subset']}" if backend.get("subset") else ""
    weight = f" (weight {backend.get('weight', 1)})" if siblings > 1 else ""
    return f"{backend.get('host', '')}{subset}{weight}"


def _stop(hop: HopReport, route: str) -> Stop:
    leaving = hop.proxy in _SENDERS
    name = hop.at if hop.proxy == _NOBODY else f"{hop.proxy} · {hop.at}"
    return Stop(
        "" if leaving else f"{hop.mode} to port {hop.port}" if hop.port else hop.mode,
        name,
        tuple(_facts(hop, route, leaving=leaving)),
        tuple(_checks(hop)),
        Sign(hop.verdict),
    )


def _facts(hop: HopReport, route: str, *, leaving: bool) -> Iterator[str]:
    if leaving:
        yield f"sends as {hop.identity}" if hop.identity else "sends without an identity"
    elif hop.proxy != _NOBODY:
        address = f" from {hop.source_address}" if hop.source_address else ""
        yield f"sees {hop.identity or 'nobody (no identity in plaintext)'}{address}"
    if route:
        yield f"route: {route}"


def _checks(hop: HopReport) -> Iterator[tuple[Sign, str]]:
    """What was asked, in order: the last decided."""
    for place, why in enumerate(hop.why, 1):
        yield (Sign(hop.verdict) if place == len(hop.why) else Sign.ALLOW), why
