"""Queries about sidecars: waypoints as reporters where HTTP is counted, and what nobody measures any more.

Source: istio-semantics.md §6.1 (o): ztunnel counts TCP as source and destination, waypoints count HTTP as `waypoint`.
"""

from collections.abc import Iterator

from msgspec import Struct

from sidestep.convert.promql.selectors import Matcher, Selector, selectors
from sidestep.semantics.patterns import compiled, quote
from sidestep.semantics.proxies import PROXY

WAYPOINT = "waypoint"
_REPORTERS = ("destination", "source")
_OF_HTTP = ("istio_requests_", "istio_request_", "istio_response_")
_OF_ENVOY = ("envoy_", "istio_agent_")
_CONTAINER = ("container", "container_name")
_VARIABLE = ("$", "[[")


class Unanswered(Struct, frozen=True):
    """What a query asks that ambient does not answer: in words, why, and what to do."""

    did: str
    why: str
    instead: str


class Query(Struct, frozen=True):
    """A query as it should be, and what of it is lost."""

    text: str
    lost: tuple[Unanswered, ...] = ()
    of_http: tuple[Selector, ...] = ()


def converted(text: str) -> Query:
    """A query for ambient; the same again is the same."""
    found = list(selectors(text))
    edits = [edit for each in found if is_http(each) for edit in _edits(each)]
    for start, end, new in sorted(edits, reverse=True):
        text = f"{text[:start]}{new}{text[end:]}"
    lost = dict.fromkeys(each for selector in found for each in _lost(selector))
    return Query(text, tuple(lost), tuple(each for each in found if is_http(each)))


def is_http(selector: Selector) -> bool:
    """Whether a selector is about Istio's metrics of HTTP, by name or by a pattern of names."""
    return selector.metric.startswith(_OF_HTTP) or any(each.startswith(_OF_HTTP) for each in _patterns(selector))


def _patterns(selector: Selector) -> list[str]:
    """Patterns of names of metrics, without what anchors them at their start."""
    return [each.value.lstrip("^(") for each in selector.all_of("__name__") if each.operator == "=~"]


def _edits(selector: Selector) -> Iterator[tuple[int, int, str]]:
    for matcher in selector.all_of("reporter"):
        if (new := _with_waypoint(matcher)) is not None:
            yield matcher.start, matcher.end, f"=~{matcher.quote}{new}{matcher.quote}"


def _with_waypoint(matcher: Matcher) -> str | None:
    """A pattern that takes waypoints too; None where the matcher takes them, or is about neither side."""
    value = matcher.value
    if any(mark in value for mark in _VARIABLE):
        return None
    if matcher.operator == "=":
        return f"{value}|{WAYPOINT}" if value in _REPORTERS else None
    if matcher.operator != "=~" or not any(_matches(value, each) for each in _REPORTERS) or _matches(value, WAYPOINT):
        return None
    if "\\" in value or matcher.quote in value:
        return None
    return f"{value}|{WAYPOINT}"


def _matches(pattern: str, value: str) -> bool:
    found = compiled(pattern)
    return found is not None and found.fullmatch(value) is not None


def _lost(selector: Selector) -> Iterator[Unanswered]:
    of_envoy = next((each for each in (selector.metric, *_patterns(selector)) if each.startswith(_OF_ENVOY)), "")
    if of_envoy:
        yield Unanswered(
            f"{of_envoy} came from every sidecar", "waypoints and gateways have it, ztunnel does not",
            "ask istio_requests_total of waypoints, or istio_tcp_connections_opened_total of ztunnel",
        )  # fmt: skip
    for matcher in selector.matchers:
        if matcher.label in _CONTAINER and _takes(matcher, PROXY):
            yield Unanswered(
                f"{selector.metric or 'the selector'} measured sidecars by container {PROXY}",
                "sidecars are gone, and ztunnel, waypoints and gateways have a container of that name",
                "choose ztunnel and waypoints by namespace and pod",
            )  # fmt: skip
        if matcher.label == "reporter" and is_http(selector) and any(mark in matcher.value for mark in _VARIABLE):
            yield Unanswered(
                f"a variable chooses the reporters of {selector.metric}", "waypoints report as `waypoint`",
                "let the variable offer `waypoint` and choose it with the others",
            )  # fmt: skip


def _takes(matcher: Matcher, value: str) -> bool:
    """Whether a matcher asks for a value by name."""
    if matcher.operator == "=":
        return matcher.value == value
    return matcher.operator == "=~" and quote(value) in {quote(each) for each in matcher.value.split("|")}
