"""A plan read back from its document: whole, consistent, and of a version that is understood."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec
from msgspec import Struct

from sidestep.errors import WorldError
from sidestep.plan.document import API_VERSION, Plan

_AGAIN = "make the plan again with `sidestep plan -o json`"
_MARK = b"\xef\xbb\xbf"
_KIND = "Plan"
_TOLD = 5
_ReadT = TypeVar("_ReadT")


class _Head(Struct, rename="camel"):
    """What a document is, before anything else of it is believed."""

    api_version: str = ""
    kind: str = ""
    generator: str = ""


def read_plan(content: bytes, where: str = "plan.json") -> Plan:
    """The plan in a document.

    Args:
        content: the document, JSON in UTF-8; fields that are not known are passed over, as within `v1` some are added.
        where: it was read, for messages.

    Raises:
        WorldError: it is no plan, was cut off or altered, or comes from a newer sidestep.
    """
    content = content.removeprefix(_MARK)
    head = _decoded(content, _Head, where, _AGAIN)
    _check_head(head, where)
    plan = _decoded(content, Plan, where, _with(head))
    wrong = list(_contradictions(plan))
    if wrong:
        more = f" and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
        raise WorldError("; ".join(wrong[:_TOLD]) + more, where=where, remedy=_AGAIN)
    return plan


def _decoded(content: bytes, kind: type[_ReadT], where: str, remedy: str) -> _ReadT:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise WorldError(f"is no plan that can be read: {error}", where=where, remedy=remedy) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WorldError(f"is no JSON, or was cut off: {error}", where=where, remedy=remedy) from error
    except RecursionError as error:
        raise WorldError("is nested deeper than any plan", where=where, remedy=remedy) from error


def _check_head(head: _Head, where: str) -> None:
    if head.kind != _KIND:
        found = f"kind {head.kind}" if head.kind else "a document without a kind"
        raise WorldError(f"is {found}, where a {_KIND} was expected", where=where, remedy=_AGAIN)
    if head.api_version != API_VERSION:
        message = f"is of version {head.api_version or 'unknown'}, and this sidestep reads {API_VERSION}"
        raise WorldError(message, where=where, remedy=_with(head))


def _with(head: _Head) -> str:
    return f"read it with the sidestep that wrote it, {head.generator}, or {_AGAIN}" if head.generator else _AGAIN


def _contradictions(plan: Plan) -> Iterator[str]:
    """Where a document that has the right form cannot be meant."""
    ids = [step.id for step in plan.steps]
    numbers = [wave.number for wave in plan.waves]
    yield from (f"step {each} is there twice" for each in _twice(ids))
    yield from (f"wave {each} is there twice" for each in _twice(map(str, numbers)))
    yield from (f"wave {each} has a number below 0" for each in numbers if each < 0)
    yield from _unlisted(plan)
    yield from _unordered(plan)


def _unlisted(plan: Plan) -> Iterator[str]:
    """Steps that their wave does not list, and the other way round."""
    listed = {each: wave.number for wave in plan.waves for each in wave.steps}
    waves = {step.id: step.wave for step in plan.steps}
    for step in plan.steps:
        if listed.get(step.id) != step.wave:
            yield f"step {step.id} is not listed by its wave {step.wave}"
    for wave in plan.waves:
        for each in dict.fromkeys((*wave.steps, *wave.rollback)):
            if waves.get(each) != wave.number:
                yield f"wave {wave.number} names step {each}, which is not its own"


def _unordered(plan: Plan) -> Iterator[str]:
    seen: set[str] = set()
    for step in plan.steps:
        yield from (f"step {step.id} comes before {each}, which it needs" for each in step.after if each not in seen)
        seen.add(step.id)


def _twice(names: Iterable[str]) -> Iterator[str]:
    return (name for name, count in Counter(names).items() if count > 1)
