"""Change collections in brackets, JSON included."""

from typing import Any

from sidestep.convert.editing.draft import Draft
from sidestep.convert.editing.layout import leads, line_end, line_start, skip_blank
from sidestep.convert.editing.members import Added, Members
from sidestep.convert.editing.nodes import Form, Node, Part
from sidestep.convert.editing.scalars import inline
from sidestep.convert.editing.written import in_brackets, spread_json


def writes_json(draft: Draft, node: Node) -> bool:
    """Whether a collection in brackets is written as JSON: its keys stand in double quotes, or its document is JSON."""
    if node.form is Form.MAPPING and node.parts:
        return node.parts[0].quoted
    return draft.text.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")


def replace_flow(draft: Draft, part: Part, start: int, text: str) -> None:
    """Write a value anew, from a position on that is its start or stands behind its anchor."""
    node = part.value
    if node.end > node.start:
        draft.put(start, node.end, text if draft.text[start - 1 : start] in "{[:,- \n" else f" {text}")
    else:
        draft.put(part.end, part.end, f" {text}" if part.lead >= 0 else f": {text}")


def change_flow(draft: Draft, node: Node, members: Members) -> None:
    """Remove the parts that go, each with a comma, and add those that come."""
    first = min(members.kept)
    for number, part in enumerate(node.parts):
        if number not in members.kept:
            _remove(draft, node, number, part, first)
    for number, added in members.added.items():
        texts = [_text(draft, node, each) for each in added]
        if number in members.kept:
            _add_after(draft, node, members, number, texts)
        else:
            _add_before(draft, node.parts[first], texts)


def _remove(draft: Draft, node: Node, number: int, part: Part, first: int) -> None:
    if number < first:
        draft.put(part.start, node.parts[number + 1].start, "")
        return
    before = node.parts[number - 1].end
    if "#" not in draft.text[before : part.start]:
        draft.put(before, part.end, "")
    elif number + 1 < len(node.parts):
        draft.put(part.start, node.parts[number + 1].start, "")
    else:
        draft.put(part.start, part.end, "")


def _add_after(draft: Draft, node: Node, members: Members, number: int, texts: list[str]) -> None:
    part = node.parts[number]
    between = _between(draft, part)
    rest = draft.text[part.end : line_end(draft.text, part.end)]
    if "#" not in rest or between == ", ":
        draft.put(part.end, part.end, "".join(between + text for text in texts))
        return
    comma = skip_blank(draft.text, part.end)
    has_comma = draft.text[comma : comma + 1] == "," and number + 1 not in set(range(len(node.parts))) - set(
        members.kept
    )
    lines = between[1:] + f"{between}".join(texts)
    if not has_comma:
        draft.put(part.end, part.end, ",")
    draft.put(line_end(draft.text, part.end), line_end(draft.text, part.end), lines + ("," if has_comma else ""))


def _add_before(draft: Draft, part: Part, texts: list[str]) -> None:
    between = _between(draft, part)
    draft.put(part.start, part.start, "".join(text + between for text in texts))


def _between(draft: Draft, part: Part) -> str:
    """What stands between two parts: a comma, and a new line where each part has one."""
    if not leads(draft.text, part.start):
        return ", "
    return "," + draft.manner.newline + draft.text[line_start(draft.text, part.start) : part.start]


def _text(draft: Draft, node: Node, added: Added) -> str:
    as_json = writes_json(draft, node)
    value = _value(draft, node, added.value, as_json=as_json)
    if node.form is Form.SEQUENCE:
        return value
    name = (
        in_brackets(added.name, draft.manner, as_json=True)
        if as_json
        else inline(added.name, draft.manner.quote, flow=True)
    )
    first = node.parts[0]
    tight = as_json and first.lead >= 0 and draft.text[first.lead : first.lead + 1] not in (" ", "\n", "\r")
    return f"{name}:{value}" if tight else f"{name}: {value}"


def _value(draft: Draft, node: Node, value: Any, *, as_json: bool) -> str:
    first = node.parts[0]
    if as_json and isinstance(value, dict | list) and leads(draft.text, first.start):
        indent = draft.text[line_start(draft.text, first.start) : first.start]
        return spread_json(value, draft.manner.step, indent, draft.manner.newline)
    return in_brackets(value, draft.manner, as_json=as_json)
