"""Cases in shapes that the Gateway API has: whole path segments, headers ruled out, prefixes replaced.

Every case stays where it stands in the order; a case that is put in before another one leads where the requests that
it takes went anyway.
"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from sidestep.convert.routes.cases import Case
from sidestep.convert.routes.ledger import AS_IT_IS, Ledger
from sidestep.convert.routes.overlap import apart, takes_path
from sidestep.semantics.routing.http_match import NamedMatch
from sidestep.semantics.routing.text_match import Form, TextMatch, exact, expression

Rewrites = Sequence[str]
"""What each rule puts in place of the matched path; empty for none."""
_PRESENT = expression(".*")


def offered(cases: Sequence[Case], port: int) -> list[Case]:
    """Cases of a port, up to the first that takes everything."""
    found = []
    for case in cases:
        if case.port in (0, port):
            found.append(replace(case, port=0))
            if case.takes_all:
                break
    return found


def with_segments(cases: Sequence[Case], rewrites: Rewrites) -> list[Case]:
    """`/a` and everything below `/a/`, of one rule and otherwise alike, as one prefix of whole segments."""
    found: list[Case] = []
    for case in cases:
        twin = _twin(case, found, rewrites)
        if twin is None:
            found.append(case)
        else:
            stem = min(case.path.text, found[twin].path.text, key=len)
            found[twin] = replace(found[twin], path=TextMatch(Form.SEGMENTS, stem))
    return found


def _twin(case: Case, found: list[Case], rewrites: Rewrites) -> int | None:
    """The place of the other half, where nothing of another rule stands between that could take what it takes."""
    if rewrites[case.rule] not in ("", "/") or case.path.fold:
        return None
    for at in range(len(found) - 1, -1, -1):
        other = found[at]
        if other.rule != case.rule and not apart(other, case):
            return None
        alike = replace(other, path=case.path, field=case.field) == case
        if alike and not other.path.fold and _halves(other.path, case.path):
            return at
    return None


def _halves(one: TextMatch, other: TextMatch) -> bool:
    forms = {one.form: one.text, other.form: other.text}
    return forms.keys() == {Form.EXACT, Form.PREFIX} and forms[Form.PREFIX] == f"{forms[Form.EXACT]}/" != "//"


def without_headers(cases: Sequence[Case], rewrites: Rewrites, ledger: Ledger) -> list[Case]:
    """Headers that are ruled out become cases before: those who have them go where they went, to what takes all."""
    found: list[Case] = []
    for at, case in enumerate(cases):
        for header in case.without:
            guard = _guard(case, header, cases[at + 1 :], rewrites, ledger)
            found += [guard] if guard else []
        found.append(replace(case, without=()))
    return found


def _guard(case: Case, header: NamedMatch, behind: Sequence[Case], rewrites: Rewrites, ledger: Ledger) -> Case | None:
    text = _PRESENT if header.text.form is Form.PRESENT else header.text
    guard = replace(case, headers=(*case.headers, NamedMatch(header.name, text)), without=())
    final = next((each for each in behind if each.takes_all), None)
    between = behind[: behind.index(final)] if final else ()
    told = text is _PRESENT or text.matches("") is False
    named_twice = any(each.name == header.name for each in case.headers)
    rewritten = final is not None and bool(rewrites[final.rule])
    if final and told and not named_twice and not rewritten and all(apart(guard, each) for each in between):
        return replace(guard, rule=final.rule)
    ledger.keep(
        f"{case.field}.withoutHeaders", f"rules out requests by header {header.name}",
        "routes match what is there only, and those who have it cannot be told where to go first", AS_IT_IS,
    )  # fmt: skip
    return None


def with_guarded_prefixes(cases: Sequence[Case], rewrites: Rewrites, ledger: Ledger) -> list[Case]:
    """Prefixes that are replaced must be whole segments: `/a/` becomes `/a`, with `/a` itself taken out before.

    Only `/a/` with a replacement that ends in a slash joins in the same way on both sides.
    """
    found: list[Case] = []
    for at, case in enumerate(cases):
        if not rewrites[case.rule] or case.path.form is not Form.PREFIX or case.any_path:
            found.append(case)
            continue
        stem = case.path.text.removesuffix("/")
        if case.path.fold or stem == case.path.text or not stem or not rewrites[case.rule].endswith("/"):
            _refuse_prefix(case, ledger)
            continue
        found += _taken_out(case, found, cases[at + 1 :], rewrites, ledger)
        found.append(replace(case, path=TextMatch(Form.SEGMENTS, stem)))
    return found


def _taken_out(
    case: Case, before: Sequence[Case], behind: Sequence[Case], rewrites: Rewrites, ledger: Ledger
) -> Iterator[Case]:
    """The case that takes the stem alone, where none before does."""
    stem = case.path.text.removesuffix("/")
    if any(takes_path(each, stem, case) for each in before):
        return
    alone = replace(case, path=exact(stem))
    heir = next((each for each in behind if not apart(alone, each)), None)
    if heir is None or not takes_path(heir, stem, case) or rewrites[heir.rule]:
        _refuse_prefix(case, ledger)
    else:
        yield replace(alone, rule=heir.rule)


def _refuse_prefix(case: Case, ledger: Ledger) -> None:
    ledger.keep(
        f"{case.field}.uri", f"replaces the prefix {case.path.text}",
        "the Gateway API replaces whole segments, and joins slashes otherwise (D41)",
        f"match the path itself and what lies below it, each with the replacement for it; until then {AS_IT_IS}",
    )  # fmt: skip
