"""Queries where people keep them: rules of Prometheus and dashboards of Grafana, as objects or as text.

Source: Prometheus' rule files (`groups[].rules[].expr`), Grafana's dashboard JSON (`expr`, and `query` and `definition`
of variables). Text is changed in place, so that comments and layout survive; what cannot be found in it again is lost.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from msgspec import Struct

from sidestep.convert.promql.queries import Query, converted
from sidestep.semantics.embedded import embedded_json, embedded_yaml
from sidestep.semantics.loose import as_dict, as_dicts, as_text

QUERY_FIELDS = ("expr", "query", "definition")
"""Under what names queries stand."""
_OTHER_SOURCES = ("loki", "tempo", "elasticsearch", "cloudwatch", "mysql", "postgres", "jaeger", "zipkin")
_MARKS = ("istio_", "envoy_", "istio-proxy")
_DEEPEST = 64
_DEEPEST_GROUPS = 4


class Found(Struct, frozen=True):
    """One query: where it stands, as it is, and as it should be."""

    field: str
    text: str
    query: Query

    @property
    def changes(self) -> bool:
        """Whether it should be another."""
        return self.query.text != self.text


class Document(Struct, frozen=True):
    """A text with its queries.

    Attributes:
        text: with every query as it should be, where its place was found.
        queries: all that are about the mesh.
        left: fields of queries that should change and could not be found again in the text.
    """

    text: str
    queries: tuple[Found, ...] = ()
    left: tuple[str, ...] = ()


def in_tree(tree: Any, at: str = "", depth: int = 0) -> Iterator[Found]:
    """All queries about the mesh within a tree."""
    if depth > _DEEPEST:
        return
    if isinstance(tree, list):
        for number, each in enumerate(tree):
            yield from in_tree(each, f"{at}[{number}]", depth + 1)
    elif isinstance(tree, dict) and not of_another_source(tree):
        for key, value in tree.items():
            place = f"{at}.{key}" if at else str(key)
            if key in QUERY_FIELDS and isinstance(value, str):
                if any(mark in value for mark in _MARKS):
                    yield Found(place, value, converted(value))
            else:
                yield from in_tree(value, place, depth + 1)


def with_queries(tree: Any, depth: int = 0) -> Any:
    """A tree with every query as it should be; the rest is the same."""
    if depth > _DEEPEST:
        return tree
    if isinstance(tree, list):
        return [with_queries(each, depth + 1) for each in tree]
    if not isinstance(tree, dict) or of_another_source(tree):
        return tree
    return {
        key: converted(value).text if key in QUERY_FIELDS and isinstance(value, str) else with_queries(value, depth + 1)
        for key, value in tree.items()
    }


def in_text(text: str) -> Document:
    """Queries in a dashboard or a rule file; none where it is neither."""
    if not any(mark in text for mark in _MARKS):
        return Document(text)
    tree, is_json = _read(text)
    found = tuple(in_tree(tree)) if tree is not None else ()
    left = []
    for each in sorted((one for one in found if one.changes), key=lambda one: -len(one.text)):
        now = _in_dashboard(text, each) if is_json else _in_rules(text, each)
        if now is None:
            left.append(each.field)
        else:
            text = now
    return Document(text, found, tuple(left))


def tree_in(text: str) -> dict[str, Any] | None:
    """A dashboard or a rule file as a tree; None where a text is neither."""
    return _read(text)[0]


def _read(text: str) -> tuple[dict[str, Any] | None, bool]:
    """The same, and whether the text is JSON."""
    dashboard = embedded_json(text)
    tree = dashboard if dashboard is not None else embedded_yaml(text)
    return (tree if tree is not None and _holds_queries(tree) else None), dashboard is not None


def _in_dashboard(text: str, found: Found) -> str | None:
    return _exchanged(text, found.text, found.query.text, _in_json)


def _in_rules(text: str, found: Found) -> str | None:
    """Line by line; where lines were folded into one, word by word."""
    now: str | None = text
    for old, new in _lines(found):
        now = _exchanged(now, old, new, _plainly) if now is not None else None
    return now if now is not None else _folded(text, found)


def _folded(text: str, found: Found) -> str | None:
    """A text with a query in the place of another that YAML wrote in several lines: the gaps stay as they are."""
    for old, new in zip(_plainly(found.text), _plainly(found.query.text), strict=True):
        words, wanted = old.split(), new.split()
        asked = re.compile(r"(\s+)".join(map(re.escape, words)))
        if len(words) == len(wanted) and asked.search(text):
            return asked.sub(partial(_with_gaps, wanted), text)
    return None


def _with_gaps(words: list[str], match: re.Match[str]) -> str:
    """Words with the gaps of those that were found."""
    return "".join(word + gap for word, gap in zip(words, (*match.groups(), ""), strict=True))


def _lines(found: Found) -> list[tuple[str, str]]:
    """The lines of a query that change: YAML indents each."""
    pairs = zip(found.text.splitlines(), found.query.text.splitlines(), strict=True)
    return [(old.strip(), new.strip()) for old, new in pairs if old != new]


def _exchanged(text: str, old: str, new: str, spellings: Callable[[str], list[str]]) -> str | None:
    """A text with a query in the place of another; None where that is not found."""
    written = spellings(new)
    for form, wanted in zip(spellings(old), written, strict=True):
        if form in text:
            return text.replace(form, wanted)
    return text if any(form in text for form in written) else None


def _holds_queries(tree: dict[str, Any]) -> bool:
    """Whether a text is a dashboard, also as Grafana's API gives it, or a rule file, and no other configuration."""
    exported = as_dict(tree.get("dashboard"))
    known = any(key in tree or key in exported for key in ("panels", "rows", "templating", "groups", "elements"))
    return known or _holds_groups(tree)


def _holds_groups(tree: dict[str, Any], depth: int = 0) -> bool:
    """Whether rule files stand within, as in values of Prometheus' charts."""
    if depth > _DEEPEST_GROUPS:
        return False
    if any("rules" in each for each in as_dicts(tree.get("groups"))):
        return True
    return any(_holds_groups(each, depth + 1) for each in tree.values() if isinstance(each, dict))


def of_another_source(tree: dict[str, Any]) -> bool:
    """Whether what stands there is asked of another database than Prometheus."""
    source = tree.get("datasource")
    kind = as_text(as_dict(source).get("type")) or as_text(source)
    return kind.lower().startswith(_OTHER_SOURCES)


def _in_json(query: str) -> list[str]:
    """How JSON may spell it: with letters of other scripts as they are, or escaped."""
    return [json.dumps(query, ensure_ascii=False), json.dumps(query)]


def _plainly(query: str) -> list[str]:
    """How YAML may spell it: as it is, or within single or double quotes."""
    return [query, query.replace("'", "''"), json.dumps(query, ensure_ascii=False)[1:-1]]
