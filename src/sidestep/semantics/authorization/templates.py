"""Path templates as Envoy's `uri_template` matcher reads them, after Istio's `{*}` became `*` and `{**}` became `**`.

Source: Envoy source/extensions/path/uri_template_lib, and what a real Envoy 1.40 matched (tests/differential). One
operator stands for characters that a path segment may hold; `[]{}|^"<>` and the backtick are not among them.
"""

from functools import lru_cache

from sidestep.semantics.patterns import Pattern, compiled, quote

ONE = "{*}"
ANY = "{**}"
_LITERAL = r"a-zA-Z0-9\-._~%!$&'()+,;:@=*"


def is_template(text: str) -> bool:
    """Whether a path of a policy is a template."""
    return ONE in text or ANY in text


def template_matches(template: str, path: str) -> bool:
    """Whether a path (without its query) has the form of a template; never for a template that Envoy refuses."""
    pattern = _pattern(template)
    return pattern is not None and pattern.fullmatch(path) is not None


@lru_cache(maxsize=4096)
def _pattern(template: str) -> Pattern | None:
    pattern = pattern_of(template)
    return None if pattern is None else compiled(pattern)


def pattern_of(template: str) -> str | None:
    """The regular expression that Envoy makes of a template; None for one that it refuses."""
    body = template.replace(ANY, "**").replace(ONE, "*")
    if not body.startswith("/"):
        return None
    return "/" + "/".join(_segment(segment) for segment in body[1:].split("/"))


def _segment(segment: str) -> str:
    if segment == "**":
        return f"[{_LITERAL}/]*"
    if segment == "*":
        return f"[{_LITERAL}]+"
    return quote(segment)
