"""What a proxy can reach: the clusters that it has, and what DestinationRules ask of connections to them."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct

from sidestep.model.metadata import ObjectId
from sidestep.semantics.routing.destination_rules import MergedRule, Speaker
from sidestep.semantics.routing.hosts import Host
from sidestep.semantics.routing.route import Backend, Retries
from sidestep.semantics.routing.rule import Target
from sidestep.semantics.routing.traffic_words import effective, words
from sidestep.semantics.trees import MalformedError, mapping, text

_UNSET_MODE = "DISABLE"
_NOTHING_AT_WAYPOINTS = ("ISTIO_MUTUAL", _UNSET_MODE)


class Reach(Struct, frozen=True):
    """One proxy's view of destinations.

    Attributes:
        known: the host of a name, where the proxy has clusters for it.
        speaker: what DestinationRules say about a host.
        retries: the default, where a route says nothing.
        unrouted: the default where no route matches a service.
        waypoint: it speaks HBONE or plaintext to endpoints, whatever mutual TLS a rule asks for.
        kept: answers for all proxies of the namespace, by destinations and port; None where they hang on labels.
    """

    known: Callable[[str], Host | None]
    speaker: Speaker
    retries: Retries
    unrouted: Retries
    waypoint: bool = False
    kept: "dict[tuple[int, int], tuple[tuple[Target, ...], Reached]] | None" = None


class Reached(Struct, frozen=True):
    """Destinations with everything that DestinationRules say about them.

    Attributes:
        backends: destinations.
        policy: in words; each with its host where they differ.
        object: the DestinationRule.
        tls: the client TLS mode that it asks for.
        unknown: why part of it cannot be told.
    """

    backends: tuple[Backend, ...] = ()
    policy: tuple[str, ...] = ()
    object: ObjectId | None = None
    tls: str = ""
    unknown: str = ""

    @property
    def all_missing(self) -> bool:
        """Whether no share of the requests can be delivered."""
        return bool(self.backends) and not any(backend.known for backend in self.backends)


class Destined(Struct, frozen=True):
    """A destination as a proxy has a cluster for it.

    Attributes:
        host: of the service.
        port: of it.
        subset: of a DestinationRule; empty for all.
        labels: that the subset's pods carry.
        settings: the `trafficPolicy` in force.
        object: the DestinationRule that says it.
    """

    host: Host
    port: int
    subset: str = ""
    labels: Mapping[str, str] = {}
    settings: Mapping[str, Any] = {}
    object: ObjectId | None = None


def destined(target: Target, port: int, reach: Reach) -> Destined | None:
    """A destination from a listener's port; None where nothing of that name is there.

    What a DestinationRule says that cannot be read counts for nothing.
    """
    host, number, rule = _found(target, port, reach)
    subset = rule.subsets.get(target.subset) if rule is not None and not rule.broken else None
    if host is None or host.port(number) is None or (target.subset and subset is None):
        return None
    if rule is None or rule.broken:
        return Destined(host, number)
    settings = _readable(rule, subset.policy if subset else None, number, reach)
    of = subset.object if subset else rule.object
    return Destined(host, number, target.subset, subset.labels if subset else {}, settings, of)


def _readable(rule: MergedRule, subset: Mapping[str, Any] | None, port: int, reach: Reach) -> Mapping[str, Any]:
    try:
        return _in_force(effective(rule.policy, subset, port), reach)[0]
    except MalformedError:
        return {}


def _in_force(settings: Mapping[str, Any], reach: Reach) -> tuple[Mapping[str, Any], str]:
    """Settings with their TLS mode: a waypoint starts no mutual TLS of the mesh."""
    tls = _tls_mode(settings)
    if reach.waypoint and tls in _NOTHING_AT_WAYPOINTS:
        return {field: value for field, value in settings.items() if field != "tls"}, ""
    return settings, tls


def lacking(target: Target, reach: Reach) -> str:
    """What of a destination is not there, in words; empty where all of it is."""
    host, _, rule = _found(target, target.port or 0, reach)
    if host is None:
        return f"{target.host or 'its destination'} does not exist, or may not be referred to from here"
    if target.port and host.port(target.port) is None:
        return f"{target.host} has no port {target.port}"
    if target.subset and not (rule is not None and (rule.broken or target.subset in rule.subsets)):
        return f"no DestinationRule says what subset {target.subset} of {target.host} is"
    return ""


class _Told(Struct, frozen=True):
    backend: Backend
    policy: tuple[str, ...] = ()
    object: ObjectId | None = None
    tls: str = ""
    unknown: str = ""


def reached(targets: tuple[Target, ...], port: int, reach: Reach) -> Reached:
    """Destinations as a proxy reaches them from a listener's port.

    What is kept holds on to the destinations, so that their identity stays theirs.
    """
    if reach.kept is None:
        return looked_up(targets, port, reach)
    key = (id(targets), port)
    if key not in reach.kept:
        reach.kept[key] = (targets, looked_up(targets, port, reach))
    return reach.kept[key][1]


@lru_cache(maxsize=65536)
def alone(host: str) -> tuple[Target, ...]:
    """A service as the only destination: always the same object, for the sake of what is kept."""
    return (Target(host),)


def looked_up(targets: tuple[Target, ...], port: int, reach: Reach) -> Reached:
    """As `reached`, and nothing is kept."""
    told = [_told(target, port, reach) for target in targets]
    backends = tuple(each.backend for each in told)
    unknown = next((each.unknown for each in told if each.unknown), "")
    speaks = next((each.object for each in told if each.object is not None), None)
    modes = {each.tls for each in told if each.backend.known}
    if len(modes) > 1:
        unknown = unknown or f"the destinations ask for different TLS modes: {', '.join(sorted(modes))}"
    tls = modes.pop() if len(modes) == 1 else ""
    if len({each.policy for each in told}) == 1:
        return Reached(backends, told[0].policy, speaks, tls, unknown)
    policy = tuple(f"{each.backend.label}: {word}" for each in told for word in each.policy)
    return Reached(backends, tuple(dict.fromkeys(policy)), speaks, tls, unknown)


def _told(target: Target, port: int, reach: Reach) -> _Told:
    host, number, rule = _found(target, port, reach)
    exists = host is not None and host.port(number) is not None
    labels: dict[str, str] = {}
    if target.subset and rule is not None and target.subset in rule.subsets:
        labels = rule.subsets[target.subset].labels
    elif target.subset:
        exists = False
    edits, authority = (target.request_edits, target.response_edits), target.authority
    backend = Backend(target.host, number, target.weight, target.subset, labels, exists, *edits, authority)
    return _Told(backend) if rule is None else _with_policy(backend, rule, reach)


def _found(target: Target, port: int, reach: Reach) -> tuple[Host | None, int, MergedRule | None]:
    """The host of a destination, its port, and what DestinationRules say of it."""
    host = reach.known(target.host) if target.host and not target.missing else None
    number = target.port or (host.ports[0].number if host is not None and len(host.ports) == 1 else port)
    return host, number, reach.speaker(host) if host is not None else None


def _with_policy(backend: Backend, rule: MergedRule, reach: Reach) -> _Told:
    if rule.broken:
        return _Told(backend, object=rule.object, unknown=rule.broken)
    subset = rule.subsets.get(backend.subset)
    try:
        settings, tls = _in_force(effective(rule.policy, subset.policy if subset else None, backend.port or 0), reach)
    except MalformedError as error:
        return _Told(backend, object=rule.object, unknown=f"{rule.object}: {error}")
    told = words(settings)
    if subset is not None:
        return _Told(backend, told, subset.object, tls)
    return _Told(backend, told, rule.object if told else None, tls)


def _tls_mode(settings: Mapping[str, Any]) -> str:
    """The mode; `tls` without one disables it, the first value of the enumeration."""
    if settings.get("tls") is None:
        return ""
    return text(mapping(settings["tls"], "tls").get("mode"), "tls.mode") or _UNSET_MODE
