"""From what a value is to what it is to be, with as little change to its text as can be."""

from typing import Any

from sidestep.convert.editing.alignment import same
from sidestep.convert.editing.block import change_block
from sidestep.convert.editing.draft import Draft
from sidestep.convert.editing.flow import change_flow, replace_flow, writes_json
from sidestep.convert.editing.layout import column, content_end, is_last, leads, line_end, line_start
from sidestep.convert.editing.members import Members, entries, items
from sidestep.convert.editing.nodes import Form, Node, Part
from sidestep.convert.editing.scalars import quoted
from sidestep.convert.editing.written import after_dash, below, in_brackets, lines, spread_json


def settle_root(draft: Draft, root: Node, before: Any, after: Any) -> None:
    """Change a document's value."""
    part = Part(root.start, -1, root.end, root)
    if _in_place(draft, part, before, after):
        return
    if root.flow:
        replace_flow(draft, part, root.start, _json(draft, after))
    else:
        found = lines(after, draft.manner)
        draft.put(root.start, content_end(draft.text, root.start, root.end), draft.joined(found, 0))


def settle(draft: Draft, outer: Node, part: Part, before: Any, after: Any) -> None:
    """Change the value of an entry or an item.

    Args:
        draft: collects the edits.
        outer: the collection that it is a part of.
        part: whose value changes.
        before: the value.
        after: what it is to be.
    """
    if _in_place(draft, part, before, after):
        return
    node = part.value
    start = node.start
    if node.form is Form.SCALAR and not isinstance(after, dict | list) and "!" not in draft.text[start : node.inner]:
        start = node.inner
        draft.anchored[node.start] = after
    if outer.flow:
        replace_flow(draft, part, start, _flow_text(draft, outer, part, after))
    elif _stays_in_brackets(draft, node, after):
        replace_flow(draft, part, start, in_brackets(after, draft.manner, as_json=writes_json(draft, node)))
    else:
        _replace_block(draft, outer, part, start, after)


def _stays_in_brackets(draft: Draft, node: Node, after: Any) -> bool:
    """Whether a mapping that stands in brackets, on one line and without an anchor, makes room for one of scalars."""
    if not (node.flow and node.parts and node.form is Form.MAPPING and isinstance(after, dict) and after):
        return False
    text = draft.text[node.start : node.end]
    return (
        text.startswith("{") and "\n" not in text and not any(isinstance(each, dict | list) for each in after.values())
    )


def _in_place(draft: Draft, part: Part, before: Any, after: Any) -> bool:
    """Change a value without writing it anew; False, and nothing done, where that cannot be."""
    node = part.value
    unchanged = same(before, after)
    if unchanged and not draft.has_anchors:
        return True
    if node.form is Form.ALIAS:
        return node.target in draft.anchored and same(draft.anchored[node.target], after)
    if node.parts and isinstance(after, dict | list):
        members = _members(draft, node, before, after)
        if members is None:
            return False
        _change(draft, node, members)
    elif not unchanged:
        return False
    if node.anchor:
        draft.anchored[node.start] = after
    return True


def _members(draft: Draft, node: Node, before: Any, after: Any) -> Members | None:
    """What becomes of the parts of a collection; None if nothing of it stays."""
    if node.form is Form.MAPPING and isinstance(before, dict) and isinstance(after, dict):
        found = entries(draft, node, before, after)
    elif node.form is Form.SEQUENCE and isinstance(before, list) and isinstance(after, list):
        found = items(node, before, after)
    else:
        return None
    is_bare_pair = node.flow and draft.text[node.inner] not in "{["
    return found if found.kept and not (is_bare_pair and not same(before, after)) else None


def _change(draft: Draft, node: Node, members: Members) -> None:
    for number, values in members.kept.items():
        if values is not None:
            settle(draft, node, node.parts[number], *values)
    if len(members.kept) < len(node.parts) or members.added:
        (change_flow if node.flow else change_block)(draft, node, members)


def _flow_text(draft: Draft, outer: Node, part: Part, after: Any) -> str:
    if not writes_json(draft, outer):
        node = part.value
        if isinstance(after, str) and node.style in ("'", '"'):
            return quoted(after, node.style)
        return in_brackets(after, draft.manner, as_json=False)
    if isinstance(after, dict | list) and leads(draft.text, part.start):
        indent = draft.text[line_start(draft.text, part.start) : part.start]
        return spread_json(after, draft.manner.step, indent, draft.manner.newline)
    return in_brackets(after, draft.manner, as_json=True)


def _json(draft: Draft, after: Any) -> str:
    return spread_json(after, draft.manner.step, "", draft.manner.newline)


def _replace_block(draft: Draft, outer: Node, part: Part, start: int, after: Any) -> None:
    """Write a value of a block collection anew: what stands on the line of its key or dash, and the lines below."""
    text, node = draft.text, part.value
    written = after_dash if outer.form is Form.SEQUENCE else below
    first, *rest = written(after, draft.manner)
    if not rest and isinstance(after, str) and node.style in ("'", '"'):
        first = " " + quoted(after, node.style)
    indent = column(text, part.start)
    end = content_end(text, node.start, node.end) if node.end > node.start else part.end
    if part.lead < 0:
        draft.put(part.end, part.end, ":" + draft.joined([first, *rest], indent))
    elif node.end == node.start:
        draft.put(part.lead, part.lead, first)
        draft.add_lines(line_end(text, part.lead), rest, indent)
    elif node.style in ("|", ">"):
        draft.put(_gap_start(draft, outer, part, start, [first, *rest]), end, draft.joined([first, *rest], indent))
    elif _is_below(draft, part):
        draft.put(part.lead, part.lead, first)
        draft.put(line_end(text, part.lead), end, "")
        draft.add_lines(end, rest, indent)
    else:
        end = end if _is_block(node) else node.end
        draft.put(_gap_start(draft, outer, part, start, [first, *rest]), end, first)
        draft.add_lines(line_end(text, end), rest, indent)


def _is_block(node: Node) -> bool:
    return bool(node.parts) and not node.flow


def _is_below(draft: Draft, part: Part) -> bool:
    """Whether a value is a block collection that starts on a line below its key or dash."""
    return _is_block(part.value) and is_last(draft.text, part.lead)


def _gap_start(draft: Draft, outer: Node, part: Part, start: int, written: list[str]) -> int:
    """From where a value is replaced: what comes brings the last of the white space before it."""
    gap = draft.text[part.lead : start]
    hangs = outer.form is Form.SEQUENCE and len(written) > 1
    if not written[0] or (("\n" in gap or hangs) and "#" not in gap):
        return part.lead
    return start - 1 if gap[-1:] in (" ", "\t") else start
