"""Whether two routes do the same with a request, whatever kind of object says so and however it is written."""

from fractions import Fraction

from sidestep.semantics.authorization.seen import HttpSeen
from sidestep.semantics.lengths import seconds
from sidestep.semantics.routing.route import Retries, Route

_CODED = "retriable-status-codes"


def meaning(found: Route, http: HttpSeen, subsets: dict[str, tuple[str, str]]) -> dict[str, object]:
    """What a route does; Services of subsets are read as the subsets (`subsets`: host to host and subset)."""
    assert not found.unknown, found.unknown
    total = sum(each.weight for each in found.backends) or 1
    return {
        "backends": [
            (*_place(each.host, each.subset, subsets), each.port, Fraction(each.weight, total), each.known,
             _words(each.request_edits), _words(each.response_edits))
            for each in found.backends
        ],
        "answer": found.answer,
        "path": found.rewrite_path or http.path,
        "host": found.rewrite_host,
        "timeout": seconds(found.timeout) if found.timeout else None,
        "retries": _retries(found.retries),
        "mirrors": [_mirror(each, subsets) for each in found.mirrors],
        "edits": (_words(found.request_edits), _words(found.response_edits)),
        "cors": found.cors,
        "faults": found.faults,
        "policy": sorted(_asked(word, subsets) for word in found.traffic_policy),
    }  # fmt: skip


def _place(host: str, subset: str, subsets: dict[str, tuple[str, str]]) -> tuple[str, str]:
    return subsets.get(host, (host, "")) if not subset else (host, subset)


def _asked(word: str, subsets: dict[str, tuple[str, str]]) -> str:
    """What is asked of connections, with the destination of whom it is asked where they differ."""
    label, _, rest = word.partition(": ")
    host, _, subset = label.partition("/")
    if ".svc." not in host:
        return word
    return f"{'/'.join(_place(host, subset, subsets))}: {rest}"


def _words(edits: tuple[str, ...]) -> list[str]:
    """Names of headers in lower case, which is what is sent."""
    found = []
    for word in edits:
        verb, _, rest = word.partition(" ")
        name, colon, value = rest.partition(":")
        found.append(f"{verb} {name.lower()}{colon}{value}")
    return sorted(found)


def _retries(found: Retries | None) -> object:
    if found is None or not found.attempts:
        return None
    conditions, *details = found.on.split(";")
    named = set(conditions.split(",")) - {_CODED}
    return found.attempts, frozenset(named), tuple(details), seconds(found.per_try) if found.per_try else None


def _mirror(words: str, subsets: dict[str, tuple[str, str]]) -> str:
    share, _, rest = words.partition(" to ")
    host, _, port = rest.partition(":")
    number, _, subset = port.partition(" subset ")
    where, of = _place(host, subset, subsets)
    return f"{share} to {where}:{number} subset {of}"
