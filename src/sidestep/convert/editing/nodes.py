"""The nodes of a YAML document and where each stands in its text."""

from enum import StrEnum
from typing import Any

from msgspec import Struct
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

from sidestep.convert.editing.layout import skip_blank
from sidestep.model.yaml_values import key, plain, tagged

_MERGE = "<<"
_BEFORE_MARK = ("", " ", "\t", "\n")


class Form(StrEnum):
    """What a node is."""

    SCALAR = "scalar"
    ALIAS = "alias"
    MAPPING = "mapping"
    SEQUENCE = "sequence"


class Part(Struct, frozen=True):
    """An entry of a mapping or an item of a sequence.

    Attributes:
        start: of the key (with `?` where it has one), of the dash; in a flow sequence of the value.
        lead: after the colon or the dash; -1 where there is none.
        end: of the value.
        value: what it holds.
        name: the key; empty for items.
        merge: it is a merge key (`<<`).
        quoted: the key stands in double quotes.
    """

    start: int
    lead: int
    end: int
    value: "Node"
    name: str = ""
    merge: bool = False
    quoted: bool = False


class Node(Struct, frozen=True):
    """A value in a text.

    Attributes:
        form: what it is.
        start: with its anchor and tag.
        inner: without them.
        end: after the last character of a scalar or a bracket; for block collections, of the last part.
        anchor: its name; of an alias, the one that it repeats.
        style: of a scalar: empty for plain, else `'`, `"`, `|` or `>`.
        flow: in brackets.
        parts: entries or items.
        target: where the anchored node starts that an alias repeats.
        name: what a scalar would be called as a key.
    """

    form: Form
    start: int
    inner: int
    end: int
    anchor: str = ""
    style: str = ""
    flow: bool = False
    parts: tuple[Part, ...] = ()
    target: int = -1
    name: str = ""


class Document(Struct, frozen=True):
    """A text with its nodes.

    Attributes:
        text: whole.
        root: the value; None for a text without any.
        has_anchors: whether any node may be repeated.
    """

    text: str
    root: Node | None
    has_anchors: bool


def compose(text: str, parsed: str | None = None) -> Document:
    """The nodes of the first document in a text that was found readable.

    Args:
        text: of the document.
        parsed: the same with other characters in places that are no nodes (a marker blanked out).
    """
    parser = CParser(text if parsed is None else parsed)
    try:
        composer = _Composer(text, parser)
        root = composer.document()
    finally:
        parser.dispose()
    return Document(text, root, bool(composer.anchors))


class _Composer:
    def __init__(self, text: str, parser: CParser) -> None:
        self._text = text
        self._has_questions = "?" in text
        self._next = parser.get_event
        self.anchors: dict[str, Node] = {}

    def document(self) -> Node | None:
        self._next()
        if isinstance(self._next(), StreamEndEvent):
            return None
        return self._node(self._next())

    def _node(self, event: Any) -> Node:
        if isinstance(event, AliasEvent):
            target = self.anchors[str(event.anchor)]
            start, end = _span(event)
            return Node(Form.ALIAS, start, start, end, str(event.anchor), target=target.start, name=target.name)
        node = self._scalar(event) if isinstance(event, ScalarEvent) else self._collection(event)
        if node.anchor:
            self.anchors[node.anchor] = node
        return node

    def _scalar(self, event: ScalarEvent) -> Node:
        start, end = _span(event)
        style = event.style or ""
        name = _name(event) if event.anchor else ""
        return Node(Form.SCALAR, start, self._inner(event, end), end, str(event.anchor or ""), style, name=name)

    def _collection(self, event: Any) -> Node:
        start, opened = _span(event)
        inner = self._inner(event, len(self._text))
        flow = bool(event.flow_style)
        if isinstance(event, MappingStartEvent):
            form, (parts, end) = Form.MAPPING, self._entries(flow)
        else:
            form, (parts, end) = Form.SEQUENCE, self._items(opened if flow else inner, flow)
        end = end if flow else parts[-1].end
        return Node(form, start, inner, end, str(event.anchor or ""), flow=flow, parts=parts)

    def _entries(self, flow: bool) -> tuple[tuple[Part, ...], int]:
        parts: list[Part] = []
        while not isinstance(event := self._next(), MappingEndEvent):
            parts.append(self._entry(event, flow))
        return tuple(parts), _span(event)[1]

    def _entry(self, event: Any, flow: bool) -> Part:
        node = self._node(event)
        merge = isinstance(event, ScalarEvent) and event.value == _MERGE and event.implicit[0]
        name = _name(event) if isinstance(event, ScalarEvent) and not merge else node.name
        colon = self._reached(node.end, ":")
        lead = colon + 1 if self._text[colon : colon + 1] == ":" else -1
        value = self._node(self._next())
        end = value.end if value.end > value.start else max(lead, node.end)
        start = self._asked(node.start) if self._has_questions and not flow else node.start
        return Part(start, lead, end, value, name, merge, quoted=node.style == '"')

    def _asked(self, at: int) -> int:
        """Where an entry starts whose key does: at its question mark, if it has one."""
        before = at
        while before and self._text[before - 1] in " \t":
            before -= 1
        is_mark = (
            before < at
            and self._text[before - 1 : before] == "?"
            and self._text[before - 2 : before - 1] in _BEFORE_MARK
        )
        return before - 1 if is_mark else at

    def _items(self, at: int, flow: bool) -> tuple[tuple[Part, ...], int]:
        parts: list[Part] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            dash = -1 if flow else self._reached(at, "-")
            value = self._node(event)
            start = value.start if flow else dash
            at = value.end if flow or value.end > value.start else dash + 1
            parts.append(Part(start, -1 if flow else dash + 1, at, value))
        return tuple(parts), _span(event)[1]

    def _reached(self, at: int, sign: str) -> int:
        """Where a sign stands that follows a position, behind what is blank."""
        return at if self._text[at : at + 1] == sign else skip_blank(self._text, at)

    def _inner(self, event: Any, last: int) -> int:
        """Where a value starts after its anchor and its tag."""
        at: int = event.start_mark.index
        if event.anchor is None and event.tag is None:
            return at
        while self._text[at : at + 1] in ("&", "!"):
            while at < last and self._text[at] not in " \t\r\n,]}":
                at += 1
            at = skip_blank(self._text, at)
        return min(at, last)


def _name(event: Any) -> str:
    """What a scalar is called as a key; empty for null, which cannot be one."""
    if event.tag is None and not event.implicit[0]:
        return str(event.value)
    value = plain(event.value) if event.tag is None else tagged(event.tag, event.value)
    return "" if value is None else key(value)


def _span(event: Any) -> tuple[int, int]:
    """From where to where an event stands; marks are untyped in PyYAML's stubs."""
    return event.start_mark.index, event.end_mark.index
