"""Matchers of policies as Envoy's."""

import re
from typing import assert_never

from envoy.type.matcher.v3.regex_pb2 import RegexMatcher
from envoy.type.matcher.v3.string_pb2 import StringMatcher

from sidestep.semantics.authorization.matchers import (
    Cidr,
    Exact,
    Pieces,
    Prefix,
    Present,
    Regex,
    Suffix,
    Template,
)
from sidestep.semantics.authorization.matchers import StringMatcher as Matcher

_SOMETHING, _ANYTHING = ".+", ".*"


def text(matcher: Matcher, *, before: str = "", ignore_case: bool = False) -> StringMatcher:
    """A matcher of a text.

    Args:
        matcher: as the policy has it.
        before: what the text has in front of it where Envoy looks, and the policy's does not.
        ignore_case: upper and lower case are the same; the matcher's text is in lower case.

    Raises:
        ValueError: it is no matcher of a text.
    """
    match matcher:
        case Exact(text=value):
            return StringMatcher(exact=before + value, ignore_case=ignore_case)
        case Prefix(text=value):
            return StringMatcher(prefix=before + value, ignore_case=ignore_case)
        case Suffix(text=value) if not before:
            return StringMatcher(suffix=value, ignore_case=ignore_case)
        case Suffix(text=value):
            return _regex(re.escape(before) + _ANYTHING + re.escape(value))
        case Present(empty=empty):
            return _regex(re.escape(before) + (_ANYTHING if empty else _SOMETHING))
        case Pieces(parts=parts):
            return _regex(_ANYTHING.join(map(re.escape, parts)))
        case Regex(text=value):
            return _regex(value)
        case Template() | Cidr():
            raise ValueError(matcher)
        case _:
            assert_never(matcher)


def _regex(expression: str) -> StringMatcher:
    return StringMatcher(safe_regex=RegexMatcher(regex=expression))
