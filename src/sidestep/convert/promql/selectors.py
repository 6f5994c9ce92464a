"""Vector selectors in PromQL: the metric, and every matcher with its place in the text.

Source: Prometheus' documentation of PromQL (selectors, string literals, comments). Only selectors are read; whatever
else stands in a query stays as it is, template variables of Grafana included.
"""

import re
from collections.abc import Iterator
from functools import cached_property

from msgspec import Struct

_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]*")
_LABEL = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*(=~|!~|!=|=)\s*")
_METRIC_LABEL = "__name__"
_ESCAPED = re.compile(r"\\(.)")


class Matcher(Struct, frozen=True):
    """One matcher.

    Attributes:
        label: its name.
        operator: `=`, `!=`, `=~` or `!~`.
        value: without quotes; escapes resolved as far as they are of one letter.
        quote: by which the value is quoted.
        start: of the operator in the text.
        end: after the closing quote.
    """

    label: str
    operator: str
    value: str
    quote: str
    start: int
    end: int


class Selector(Struct, frozen=True, dict=True):
    """One vector selector: its metric, empty where none is told, and its matchers."""

    name: str
    matchers: tuple[Matcher, ...]

    @cached_property
    def metric(self) -> str:
        """The metric's name, written before the braces or among the matchers."""
        told = (each.value for each in self.matchers if each.label == _METRIC_LABEL and each.operator == "=")
        return self.name or next(told, "")

    def all_of(self, label: str) -> tuple[Matcher, ...]:
        """The matchers of a label."""
        return tuple(each for each in self.matchers if each.label == label)


def selectors(query: str) -> Iterator[Selector]:
    """All vector selectors of a query, in order."""
    at, name, end = 0, "", 0
    while at < len(query):
        letter = query[at]
        if letter == "#":
            at = _line_end(query, at)
        elif letter in "\"'`":
            at = _string_end(query, at)
        elif letter == "{":
            near = name if not query[end:at].strip() else ""
            matchers, at = _matchers(query, at + 1)
            yield Selector(near, matchers)
            name = ""
        elif found := _NAME.match(query, at):
            if name and query[end:at].strip() == "":
                yield Selector(name, ())
            name, end = found.group(), found.end()
            at = end
        else:
            if name and not letter.isspace():
                yield Selector(name, ())
                name = ""
            at += 1
    if name:
        yield Selector(name, ())


def _matchers(query: str, at: int) -> tuple[tuple[Matcher, ...], int]:
    """The matchers from after an opening brace, and where the text goes on; what is no matcher is passed over."""
    found = []
    while at < len(query) and query[at] != "}":
        match = _LABEL.match(query, at)
        if match and match.end() < len(query) and query[match.end()] in "\"'`":
            end = _string_end(query, match.end())
            quote = query[match.end()]
            value = _unescaped(query[match.end() + 1 : end - 1], quote)
            found.append(Matcher(match.group(1), match.group(2), value, quote, match.start(2), end))
            at = end
        elif query[at] in "\"'`":
            at = _string_end(query, at)
        elif query[at] == "#":
            at = _line_end(query, at)
        else:
            at += 1
    return tuple(found), min(at + 1, len(query))


def _unescaped(text: str, quote: str) -> str:
    return text if quote == "`" else _ESCAPED.sub(r"\1", text)


def _string_end(query: str, at: int) -> int:
    """After the closing quote; the end of the text where there is none."""
    quote = query[at]
    at += 1
    while at < len(query) and query[at] != quote:
        at += 2 if query[at] == "\\" and quote != "`" else 1
    return min(at + 1, len(query))


def _line_end(query: str, at: int) -> int:
    found = query.find("\n", at)
    return len(query) if found < 0 else found
