"""Whether two cases can take one request, and whether one takes all that another may: never guessed, else taken so."""

from sidestep.convert.routes.cases import Case
from sidestep.semantics.routing.http_match import NamedMatch
from sidestep.semantics.routing.text_match import Form, TextMatch


def apart(one: Case, other: Case) -> bool:
    """Whether surely no request meets both."""
    if one.method and other.method and one.method != other.method:
        return True
    if _paths_apart(one.path, other.path):
        return True
    if _names_apart(one.headers, other.headers) or _names_apart(one.queries, other.queries):
        return True
    return _denied(one.without, other.headers) or _denied(other.without, one.headers)


def takes_path(case: Case, path: str, like: Case) -> bool:
    """Whether it surely takes requests for a path that meet the other conditions of a case."""
    if case.without or case.method not in ("", like.method) or not case.path.matches(path):
        return False
    return set(case.headers) <= set(like.headers) and set(case.queries) <= set(like.queries)


def _paths_apart(one: TextMatch, other: TextMatch) -> bool:
    if Form.EXACT in (one.form, other.form):
        exact, rest = (one, other) if one.form is Form.EXACT else (other, one)
        if exact.fold:
            return rest.form is Form.EXACT and rest.text.lower() != exact.text.lower()
        return rest.matches(exact.text) is False
    if Form.REGEX in (one.form, other.form):
        return False
    texts = [each.text.lower() if one.fold or other.fold else each.text for each in (one, other)]
    return not (texts[0].startswith(texts[1]) or texts[1].startswith(texts[0]))


def _names_apart(one: tuple[NamedMatch, ...], other: tuple[NamedMatch, ...]) -> bool:
    wanted = {each.name: each.text for each in one if each.text.form is Form.EXACT}
    found = ((each.text, wanted.get(each.name)) for each in other)
    return any(text.matches(exact.text) is False for text, exact in found if exact is not None)


def _denied(without: tuple[NamedMatch, ...], headers: tuple[NamedMatch, ...]) -> bool:
    """Whether one asks for just what the other rules out."""
    return any(
        each.name == header.name and (each.text.form is Form.PRESENT or each.text == header.text)
        for each in without
        for header in headers
    )
