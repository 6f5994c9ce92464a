"""JUnit XML: one case for each state of a plan, or for each destination of two meshes; one for each invariant."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from msgspec import Struct

from sidestep.prove.findings import Standing
from sidestep.prove.proof import Counterexample, Proof
from sidestep.report.formats import Look
from sidestep.report.proof.places import dialled
from sidestep.report.proof.view import example_view, verdict_line

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MOST = 200


class _Case(Struct, frozen=True):
    """One case: what failed, and what could not be told; passed without either."""

    name: str
    failures: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


def render(proof: Proof, _look: Look) -> str:
    """The whole document."""
    root = Element("testsuites", name="sidestep prove")
    _suite(root, verdict_line(proof), tuple(_cases(proof)))
    if proof.invariants:
        _suite(root, "invariants", tuple(_invariants(proof)))
    totals = Counter[str]()
    for suite in root:
        totals.update({name: int(suite.get(name, "0")) for name in ("tests", "failures", "errors")})
    for name in ("tests", "failures", "errors"):
        root.set(name, str(totals[name]))
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(root: Element, name: str, cases: tuple[_Case, ...]) -> None:
    failures, errors = sum(bool(each.failures) for each in cases), sum(bool(each.errors) for each in cases)
    counted = {"tests": str(len(cases)), "failures": str(failures), "errors": str(errors), "skipped": "0"}
    suite = SubElement(root, "testsuite", {"name": _text(name), **counted})
    for each in cases:
        case = SubElement(suite, "testcase", classname="sidestep.prove", name=_text(each.name))
        _told(case, "failure", "differs", each.failures)
        _told(case, "error", "undecided", each.errors)


def _told(case: Element, tag: str, kind: str, lines: tuple[str, ...]) -> None:
    if lines:
        more = len(lines) - _MOST
        shown = [*lines[:_MOST], *([f"… and {more} more"] if more > 0 else [])]
        SubElement(case, tag, type=kind, message=_text(lines[0].partition("\n")[0])).text = _text("\n\n".join(shown))


def _cases(proof: Proof) -> Iterator[_Case]:
    """By state where a plan was walked, else by what is dialled; without any difference one case that passed."""
    walked = proof.states > 1
    open_ends = [each for each in proof.worst_first() if not each.accepted]
    failures = _grouped((each.step if walked else each.subject.host or "mesh", _example(each)) for each in open_ends)
    errors = _grouped(
        (each.step if walked else dialled(each.where), f"{each.where}: {each.reason}") for each in proof.undecided
    )
    names = dict.fromkeys([*(proof.compared[1:] if walked else ()), *failures, *errors])
    if proof.ways and not names:
        yield _Case("every destination")
    for name in names:
        yield _Case(name, tuple(failures.get(name, ())), tuple(errors.get(name, ())))


def _invariants(proof: Proof) -> Iterator[_Case]:
    for each in proof.invariants:
        violated = (f"{each.request}: {each.why}",) if each.standing is Standing.VIOLATED else ()
        yield _Case(each.name, violated, (each.reason,) if each.standing is Standing.UNDECIDED else ())


def _example(each: Counterexample) -> str:
    told = example_view(each)
    lines = [f"{told.direction}: {told.request}"]
    lines += [f"{side.head}: {side.verdict}: {side.why}" for side in told.sides]
    lines += [f"changed: {line}" for line in told.changed]
    lines += [f"{code}: {address}" for code, address in told.pages]
    return "\n".join([*lines, *([told.command] if told.command else [])])


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, text in pairs:
        found.setdefault(name, []).append(text)
    return found


def _text(text: str) -> str:
    """Without the characters that XML cannot carry."""
    return _NOT_XML.sub("\ufffd", text)
