"""Conditions of routes as Envoy's.

Source: pilot/pkg/networking/core/route/route.go (TranslateRouteMatch); what a request meets is said by
`semantics.routing.http_match`.
"""

from envoy.config.route.v3.route_components_pb2 import HeaderMatcher, QueryParameterMatcher, RouteMatch
from envoy.type.matcher.v3.metadata_pb2 import MetadataMatcher
from envoy.type.matcher.v3.regex_pb2 import RegexMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher
from envoy.type.matcher.v3.value_pb2 import ValueMatcher

from sidestep.controlplane.generators.http.authorization import JWT_FILTER
from sidestep.controlplane.generators.http.edits import is_header
from sidestep.semantics.routing.http_match import HttpMatch, NamedMatch
from sidestep.semantics.routing.text_match import Form, TextMatch

_ROOT = "/"
_SOMETHING, _ANYTHING = ".+", ".*"


def matched(match: HttpMatch) -> RouteMatch:
    """All conditions of one match that a proxy looks at; where it stands was looked at before."""
    found = _path(match.path)
    found.case_sensitive.value = not match.path.fold
    for header in match.headers:
        if header.claim:
            found.dynamic_metadata.append(_claim(header))
        else:
            found.headers.append(_header(header))
    found.query_parameters.extend(map(_query, match.queries))
    return found


def readable(match: HttpMatch) -> bool:
    """Whether Envoy takes its expressions and its names of headers: one that it refuses refuses all routes."""
    named = (*match.headers, *match.queries)
    names = (each.name for each in match.headers if not each.claim)
    return not match.path.refused and not any(each.text.refused for each in named) and all(map(is_header, names))


def _path(path: TextMatch) -> RouteMatch:
    match path.form:
        case Form.EXACT:
            return RouteMatch(path=path.text)
        case Form.SEGMENTS if path.text.rstrip("/"):
            return RouteMatch(path_separated_prefix=path.text.rstrip("/"))
        case Form.REGEX:
            return RouteMatch(safe_regex=RegexMatcher(regex=path.text))
        case Form.PREFIX:
            return RouteMatch(prefix=path.text)
        case _:
            return RouteMatch(prefix=_ROOT)


def _header(wanted: NamedMatch) -> HeaderMatcher:
    """A header that is not there counts as empty where a certain value must not be."""
    if wanted.text.form is Form.PRESENT:
        return HeaderMatcher(name=wanted.name, present_match=True, invert_match=wanted.negated)
    return HeaderMatcher(
        name=wanted.name,
        string_match=string(wanted.text),
        invert_match=wanted.negated,
        treat_missing_header_as_empty=wanted.negated,
    )


def _query(wanted: NamedMatch) -> QueryParameterMatcher:
    if wanted.text.form is Form.PRESENT:
        return QueryParameterMatcher(name=wanted.name, present_match=True)
    return QueryParameterMatcher(name=wanted.name, string_match=string(wanted.text))


def _claim(wanted: NamedMatch) -> MetadataMatcher:
    """A claim is a text, or a list of which one item counts."""
    one = ValueMatcher(string_match=string(wanted.text))
    item = ValueMatcher(list_match={"one_of": one})
    return MetadataMatcher(
        filter=JWT_FILTER,
        path=[{"key": key} for key in ("payload", *wanted.claim)],
        value=ValueMatcher(or_match={"value_matchers": [one, item]}),
        invert=wanted.negated,
    )


def string(wanted: TextMatch) -> StringMatcher:
    """A condition on a text."""
    match wanted.form:
        case Form.EXACT:
            return StringMatcher(exact=wanted.text, ignore_case=wanted.fold)
        case Form.PREFIX if wanted.text:
            return StringMatcher(prefix=wanted.text, ignore_case=wanted.fold)
        case Form.PREFIX:
            return StringMatcher(safe_regex=RegexMatcher(regex=_ANYTHING))
        case Form.REGEX:
            return StringMatcher(safe_regex=RegexMatcher(regex=wanted.text))
        case _:
            return StringMatcher(safe_regex=RegexMatcher(regex=_SOMETHING))
