"""Series that rules record out of what nobody measures any more: whoever asks them asks in vain, too.

Source: Prometheus' rule files: `record` names the series that `expr` makes.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sidestep.convert.promql.documents import QUERY_FIELDS, of_another_source
from sidestep.convert.promql.queries import Query, converted
from sidestep.convert.promql.selectors import selectors
from sidestep.semantics.loose import as_text

_DEEPEST = 64
_INSTEAD = "mend the rule that records it first, or ask something else"
Recorded = Mapping[str, Query]
"""Queries of which something is lost, or that ask for HTTP, by the series that is made of them."""

Indirect = tuple[str, str, Query]
"""A field, the series that its query asks, and what that is made of."""


def recorded_in(trees: Iterable[Any]) -> Recorded:
    """Series of rules in some trees, those among them that are made of other such series."""
    rules = [rule for tree in trees for rule in _rules(tree)]
    found: dict[str, Query] = {}
    while True:
        new = {name: _of(expr, found) for name, expr in rules if name not in found}
        told = {name: query for name, query in new.items() if query.lost or query.of_http}
        if not told:
            return found
        found |= told


def asking(tree: Any, recorded: Recorded, at: str = "", depth: int = 0) -> Iterator[Indirect]:
    """Fields of queries that ask such series, with the series and what it is made of."""
    if depth > _DEEPEST or not recorded:
        return
    if isinstance(tree, list):
        for number, each in enumerate(tree):
            yield from asking(each, recorded, f"{at}[{number}]", depth + 1)
    elif isinstance(tree, dict) and not of_another_source(tree):
        for key, value in tree.items():
            place = f"{at}.{key}" if at else str(key)
            if key in QUERY_FIELDS and isinstance(value, str):
                for name in dict.fromkeys(each.metric for each in selectors(value) if each.metric in recorded):
                    yield place, name, recorded[name]
            else:
                yield from asking(value, recorded, place, depth + 1)


def in_words(name: str, query: Query) -> Iterator[tuple[str, str, str]]:
    """What is lost of a query that asks a recorded series: what it did, why not, and what to do."""
    for each in query.lost:
        yield f"it asks {name}, which a rule records: {each.did}", each.why, _INSTEAD


def _of(expr: str, known: Recorded) -> Query:
    """What a rule is made of, series of other rules looked through."""
    own = converted(expr)
    through = [known[each.metric] for each in selectors(expr) if each.metric in known]
    lost = dict.fromkeys((*own.lost, *(each for query in through for each in query.lost)))
    return Query(own.text, tuple(lost), (*own.of_http, *(each for query in through for each in query.of_http)))


def _rules(tree: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        return
    if isinstance(tree, dict) and isinstance(tree.get("record"), str) and isinstance(tree.get("expr"), str):
        yield as_text(tree["record"]), as_text(tree["expr"])
    elif isinstance(tree, dict | list):
        for each in tree.values() if isinstance(tree, dict) else tree:
            yield from _rules(each, depth + 1)
