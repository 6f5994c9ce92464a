"""Add and remove lines of a block collection."""

from sidestep.convert.editing.draft import Draft
from sidestep.convert.editing.layout import (
    column,
    content_end,
    deeper_comments,
    is_blank_line,
    leads,
    line_start,
    next_line,
    own_comments,
    skip_blank,
)
from sidestep.convert.editing.members import Added, Members
from sidestep.convert.editing.nodes import Form, Node, Part
from sidestep.convert.editing.written import entry, item


def change_block(draft: Draft, node: Node, members: Members) -> None:
    """Remove the parts that go, with their own comments, and add those that come, in the manner of the others."""
    for number, part in enumerate(node.parts):
        if number not in members.kept:
            _remove(draft, node, members, number, part)
    indent = column(draft.text, node.parts[0].start)
    for number, added in members.added.items():
        lines = [line for each in added for line in _lines(draft, node, each)]
        if number in members.kept:
            draft.add_lines(_end_before(draft, node, number), lines, indent)
        else:
            _add_before(draft, node, min(members.kept), lines)


def _add_before(draft: Draft, node: Node, number: int, lines: list[str]) -> None:
    """Add lines before the first part that stays, above its comments."""
    first, part = node.parts[0], node.parts[number]
    indent = column(draft.text, first.start)
    if leads(draft.text, first.start):
        at = own_comments(draft.text, part.start, _above(draft, node, number))
        draft.put(at, at, " " * indent + draft.joined(lines, indent) + draft.manner.newline)
    else:
        draft.put(first.start, first.start, draft.joined([*lines, ""], indent) + " " * indent)


def _lines(draft: Draft, node: Node, added: Added) -> list[str]:
    if node.form is Form.SEQUENCE:
        return item(added.value, draft.manner)
    return entry(added.name, added.value, draft.manner)


def _end_before(draft: Draft, node: Node, number: int) -> int:
    """The end of the line that new parts follow: at the end of an inner mapping its last comments stand before them."""
    part = node.parts[number]
    indent = column(draft.text, node.parts[0].start)
    if number + 1 < len(node.parts) or node.form is Form.SEQUENCE or not indent:
        return _last_line(draft, part)
    return deeper_comments(draft.text, content_end(draft.text, part.start, part.end), indent - 1)


def _last_line(draft: Draft, part: Part) -> int:
    """The end of the last line of a part, comments that stand deeper than it included."""
    end = content_end(draft.text, part.start, part.end)
    return deeper_comments(draft.text, end, column(draft.text, part.start))


def _remove(draft: Draft, node: Node, members: Members, number: int, part: Part) -> None:
    text = draft.text
    if not leads(text, part.start):
        _move_up(draft, node, members, number)
        return
    start = own_comments(text, part.start, _above(draft, node, number))
    end = next_line(text, _last_line(draft, part))
    if end == len(text) and not text.endswith("\n"):
        start -= 2 if text[:start].endswith("\r\n") else 1
    elif start and is_blank_line(text, line_start(text, start - 1)) and end < len(text) and is_blank_line(text, end):
        end = next_line(text, end)
    draft.put(start, end, "")


def _above(draft: Draft, node: Node, number: int) -> int:
    """How far up comments may belong to a part: not at the top of a document, where they are everybody's."""
    if number:
        before = node.parts[number - 1]
        return next_line(draft.text, content_end(draft.text, before.start, before.end))
    is_top = node.form is Form.MAPPING and column(draft.text, node.parts[0].start) == 0
    return line_start(draft.text, node.parts[0].start) if is_top else 0


def _move_up(draft: Draft, node: Node, members: Members, number: int) -> None:
    """Remove what stands on the line of a dash: the next part that stays takes its place."""
    if number:
        return
    going = next(at for at in range(len(node.parts)) if at in members.kept)
    last = node.parts[going - 1]
    draft.put(node.parts[0].start, _content_after(draft, last), "")


def _content_after(draft: Draft, part: Part) -> int:
    """Where what follows a part's last line starts, a comment or the next part."""
    at = next_line(draft.text, content_end(draft.text, part.start, part.end))
    found = skip_blank(draft.text, at)
    comment = draft.text.find("#", at, found)
    return found if comment < 0 else comment
