"""Rewrites of paths: which do the same to every path, and which only an endless number of paths could tell apart.

Source: RE2::GlobalReplace (every match is replaced, so that an expression without an anchor may change a path twice);
Envoy's prefix_rewrite.
"""

import re

from sidestep.semantics.patterns import quote
from sidestep.semantics.routing.rule import Rewrite
from sidestep.semantics.routing.text_match import Form, TextMatch

_PLAIN = re.compile(r"[\w/-]*", re.ASCII)
_REST, _SAME = "(.*)", "\\1"


def alike(rewrite: Rewrite | None, path: TextMatch) -> Rewrite | None:
    """A rewrite as one of the matched prefix, if it is one in other words.

    Args:
        rewrite: of a route.
        path: what the route matches, so that a path begins so.
    """
    if rewrite is None or rewrite.pattern is None or path.form is not Form.PREFIX or path.fold:
        return rewrite
    into = _into(rewrite.pattern.text, rewrite.substitution, path.text)
    return Rewrite(prefix=into) if into and "\\" not in into else rewrite


def _into(pattern: str, substitution: str, prefix: str) -> str:
    """What takes the prefix's place; empty where something else does, too."""
    own = {quote(prefix), *((prefix,) if _PLAIN.fullmatch(prefix) else ())}
    whole = pattern.removeprefix("^").removesuffix("$")
    if whole.removesuffix(_REST) in own and whole.endswith(_REST) and substitution.endswith(_SAME):
        return substitution.removesuffix(_SAME)
    return substitution if pattern.startswith("^") and pattern.removeprefix("^") in own else ""


def expression(rewrite: Rewrite | None, path: TextMatch) -> tuple[str, str] | None:
    """By what a rewrite changes paths of which there are endlessly many; None for what a prefix says."""
    if rewrite is None or rewrite.pattern is None or (path.form is Form.EXACT and not path.fold):
        return None
    return rewrite.pattern.text, rewrite.substitution
