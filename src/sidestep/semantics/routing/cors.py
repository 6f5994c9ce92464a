"""What rules answer browsers that ask whether another origin may call: CORS.

Source: pilot/pkg/networking/core/route/route.go (TranslateCORSPolicy); pilot/pkg/config/kube/gateway/conversion.go
(createCorsFilter).
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from sidestep.semantics.patterns import quote
from sidestep.semantics.routing.text_match import Form, TextMatch, expression, form_of
from sidestep.semantics.trees import flag, items, mapping, strings, text, whole

_IGNORED = "IGNORE"
_ANY_ORIGIN = r"^[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s?#]+$"
"""What Istio lets a star of a route stand for."""


class Cors(Struct, frozen=True):
    """A policy on origins.

    Attributes:
        origins: allowed ones.
        words: allowed ones in words: the origin, `prefix*`, or `regex EXPRESSION`.
        methods: that a preflight is told.
        headers: likewise, of requests.
        exposed: headers of answers that scripts may read.
        max_age: how long a preflight holds, as written; empty where it is not said.
        credentials: whether cookies may come along; None where it is not said.
        forwards: preflights of other origins go to the application.
    """

    origins: tuple[TextMatch, ...] = ()
    words: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    max_age: str = ""
    credentials: bool | None = None
    forwards: bool = True


def cors_policy(value: object, field: str) -> Cors | None:
    """The `corsPolicy` of a VirtualService; None without one.

    Raises:
        MalformedError: a field has a wrong type.
    """
    words = origins(value, field)
    if words is None:
        return None
    tree = mapping(value, field)
    return Cors(
        _allowed(tree, field),
        words,
        *_lists(tree, field),
        text(tree.get("maxAge"), f"{field}.maxAge"),
        flag(tree.get("allowCredentials"), f"{field}.allowCredentials"),
        text(tree.get("unmatchedPreflights"), f"{field}.unmatchedPreflights") != _IGNORED,
    )


def cors_filter(value: object, field: str) -> Cors:
    """The CORS filter of an HTTPRoute.

    Raises:
        MalformedError: a field has a wrong type.
    """
    tree = mapping(value, field)
    words = tuple(each for each in strings(tree.get("allowOrigins"), f"{field}.allowOrigins") if each)
    age = whole(tree.get("maxAge"), f"{field}.maxAge") or 0
    credentials = flag(tree.get("allowCredentials"), f"{field}.allowCredentials")
    told = f"{age}s" if age > 0 else ""
    return Cors(tuple(map(_with_stars, words)), words, *_lists(tree, field), told, credentials or None, forwards=False)


def origins(value: object, field: str) -> tuple[str, ...] | None:
    """Allowed origins in words: the origin, `prefix*`, or `regex EXPRESSION`; None without a CORS policy.

    Raises:
        MalformedError: a field has a wrong type.
    """
    if value is None:
        return None
    tree = mapping(value, field)
    if tree.get("allowOrigins") is None:
        return strings(tree.get("allowOrigin"), f"{field}.allowOrigin")
    listed = items(tree["allowOrigins"], f"{field}.allowOrigins")
    return tuple(_in_words(*form_of(each, f"{field}.allowOrigins[{at}]")) for at, each in enumerate(listed))


def _in_words(form: str, written: str) -> str:
    return {"prefix": f"{written}*", "regex": f"regex {written}"}.get(form, written)


def _allowed(tree: Mapping[str, Any], field: str) -> tuple[TextMatch, ...]:
    """Origins as Envoy compares them; what RE2 refuses, and what names no form, allows nobody."""
    if tree.get("allowOrigins") is None:
        return tuple(TextMatch(Form.EXACT, each) for each in strings(tree.get("allowOrigin"), f"{field}.allowOrigin"))
    listed = [form_of(each, f"{field}.allowOrigins") for each in items(tree["allowOrigins"], f"{field}.allowOrigins")]
    made = (expression(text) if form == "regex" else TextMatch(Form(form), text) for form, text in listed if form)
    return tuple(each for each in made if not each.refused)


def _with_stars(written: str) -> TextMatch:
    if written == "*":
        return expression(_ANY_ORIGIN)
    if "*" not in written:
        return TextMatch(Form.EXACT, written)
    if written.index("*") == len(written) - 1:
        return TextMatch(Form.PREFIX, written[:-1])
    return expression(".*".join(map(quote, written.split("*"))))


def _lists(tree: Mapping[str, Any], field: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    methods, headers, exposed = (
        strings(tree.get(name), f"{field}.{name}") for name in ("allowMethods", "allowHeaders", "exposeHeaders")
    )
    return methods, headers, exposed
