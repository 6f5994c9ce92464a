"""What routes and DestinationRules do to a request, in one way of saying it: who writes a default out, or a length of
time in other units, says nothing new.

Source: pilot/pkg/networking/core/route (retries, headers, CORS), core/cluster_traffic_policy.go (what a field does
that is not set); Envoy's header parser, which removes before it adds.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from msgspec.structs import replace

from sidestep.semantics.lengths import seconds
from sidestep.semantics.routing.cors import Cors
from sidestep.semantics.routing.route import Answer, Retries

_UNSET = re.compile(
    r"loadBalancer: \{\}|loadBalancer\.simple: (LEAST_REQUEST|LEAST_CONN|UNSPECIFIED)"
    r"|connectionPool(\.tcp|\.http)?: \{\}|connectionPool\.http\.h2UpgradePolicy: DEFAULT"
    r"|connectionPool\.\S+: (0|false)"
    r"|outlierDetection\.(consecutive5xxErrors: 5|interval: 10|baseEjectionTime: 30|maxEjectionPercent: (0|10)"
    r"|minHealthPercent: 0|consecutiveGatewayErrors: 0|splitExternalLocalOriginErrors: false)"
    r"|loadBalancer\.warmup\.(minimumPercent: 10|aggression: 1(\.0)?)"
)
"""Words for what is so without them, lengths in seconds."""
_EJECTS = "outlierDetection"
_PLACES = "loadBalancer.localityLbSetting."
_PLACES_COUNT = f"{_PLACES}enabled: true"
_NEW_NAMES = {"loadBalancer.warmupDurationSecs": "loadBalancer.warmup.duration"}
_ITEM = re.compile(r"(?P<list>.*\.(?:failover|distribute|subjectAltNames))\[(?P<number>\d+)\](?P<rest>.*)")
_UNSET_RETRIES = frozenset({"retryremotelocalities=false", "retryignoreprevioushosts=true", "backoff=1/40"})
_USUAL_AGE = "5"
"""How long a browser keeps the answer to a preflight that does not say it (Fetch, CORS-preflight cache)."""


def length(written: str) -> str:
    """A time limit in one way of writing it."""
    told = seconds(written)
    return written if told is None else str(told)


def retried(asked: Retries) -> Retries:
    """Retries: conditions in any order, lengths in any unit."""
    conditions, *details = asked.on.split(";")
    named = (each.partition("=") for each in details)
    told = {f"{name}={length(value)}" for name, _, value in named} - _UNSET_RETRIES
    on = ";".join((",".join(sorted(set(conditions.split(",")))), *sorted(told)))
    return replace(asked, on=on, per_try=length(asked.per_try))


def faults(words: tuple[str, ...]) -> tuple[str, ...]:
    """Injected faults."""
    return tuple(" ".join(length(part) for part in word.split(" ")) for word in words)


@lru_cache(maxsize=4096)
def edits(*levels: tuple[str, ...]) -> tuple[str, ...]:
    """What becomes of headers, by name, once each level has removed, set and added."""
    found: dict[str, tuple[str, ...]] = {}
    for level in levels:
        for word in sorted(level, key=lambda word: not word.startswith("remove ")):
            verb, _, rest = word.partition(" ")
            name, _, value = rest.partition(": ")
            name = name.lower()
            found[name] = _edited(found.get(name, ()), verb, f"{name}: {value}")
    return tuple(word for _, words in sorted(found.items()) for word in words)


def _edited(words: tuple[str, ...], verb: str, line: str) -> tuple[str, ...]:
    """All edits of one header: at most one that puts an end to what there was, which comes first."""
    if verb == "add" and words[:1] == (f"remove {line.partition(': ')[0]}",):
        verb = "set"
    return (*words, f"add {line}") if verb == "add" else (_alone(verb, line),)


def _alone(verb: str, line: str) -> str:
    return f"set {line}" if verb == "set" else f"remove {line.partition(': ')[0]}"


def cors(policy: Cors | None) -> tuple[str, ...] | None:
    """What browsers are told."""
    if policy is None:
        return None
    lists = (policy.words, policy.methods, *((_lowered(each)) for each in (policy.headers, policy.exposed)))
    told = [f"{name} {each}" for name, listed in zip(_LISTS, lists, strict=True) for each in sorted(set(listed))]
    told += ["credentials"] if policy.credentials else []
    told += [] if policy.forwards else ["answers preflights of others"]
    return (*told, f"for {length(policy.max_age) or _USUAL_AGE}s")


_LISTS = ("origin", "method", "header", "shown")


def _lowered(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)


@lru_cache(maxsize=4096)
def policy(words: tuple[str, ...]) -> tuple[str, ...]:
    """What is asked of the connection: that hosts are ejected is asked even where every number is the usual one."""
    found = tuple(_unordered(_in_seconds(word) for word in words))
    kept = tuple(word for word in found if not _UNSET.fullmatch(word) and word != f"{_EJECTS}: {{}}")
    if any(word.startswith(_PLACES) and word != _PLACES_COUNT for word in kept):
        kept = tuple(word for word in kept if word != _PLACES_COUNT)
    ejects = any(word.startswith(_EJECTS) for word in found)
    return (*sorted(kept), *((_EJECTS,) if ejects else ()))


def _in_seconds(word: str) -> str:
    name, mark, value = word.partition(": ")
    return f"{_NEW_NAMES.get(name, name)}{mark}{length(value)}"


def _unordered(words: Iterable[str]) -> Iterator[str]:
    """Words of lists in which order means nothing, numbered anew."""
    items: dict[str, dict[str, list[str]]] = {}
    for word in words:
        place = _ITEM.fullmatch(word)
        if place is None:
            yield word
        else:
            items.setdefault(place["list"], {}).setdefault(place["number"], []).append(place["rest"])
    for name, listed in items.items():
        for number, told in enumerate(sorted(map(sorted, listed.values()))):
            yield from (f"{name}[{number}]{rest}" for rest in told)


def answer(told: Answer) -> str:
    """What a proxy answers by itself."""
    body = f"with {told.body!r}" if told.body else ""
    return " ".join(part for part in (f"answered {told.status}", told.location, body) if part)
