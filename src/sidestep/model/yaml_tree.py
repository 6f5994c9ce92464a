"""Build the tree of one YAML document straight from libyaml's events, as Kubernetes would.

No node graph is kept, so a document costs its tree and no more. Aliases count with the size of what they repeat:
a document that explodes is refused. A key given twice is remembered; the last one wins, as in Kubernetes.
"""

from typing import Any

import yaml
from msgspec import Struct
from yaml._yaml import CParser
from yaml.events import (
    AliasEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from yaml.reader import ReaderError

from sidestep.model.yaml_values import ScalarError, key, plain, tagged

DEEPEST = 128
MOST_REPEATED = 1_000_000
_MERGE = "<<"
_KEYS = (ScalarEvent, AliasEvent)
_COLLECTION_TAGS = (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")


class Document(Struct, frozen=True):
    """One document.

    Attributes:
        value: mappings, sequences and scalars; None when it is empty.
        line: 0-based line on which the value starts.
        item_lines: 0-based lines of the members of the top-level key `items`, or of the list that the document is.
        duplicates: keys given twice, with their 0-based line.
    """

    value: Any
    line: int = 0
    item_lines: tuple[int, ...] = ()
    duplicates: tuple[tuple[str, int], ...] = ()


class DocumentError(Exception):
    """A document that cannot be read, and on which 0-based line."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def read_document(text: bytes | str) -> Document:
    """The first document of a text; bytes are UTF-8.

    Raises:
        DocumentError: malformed, too deep, exploding, or with a tag or value that Kubernetes does not read.
    """
    parser = CParser(text)
    try:
        return _Tree(parser).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise DocumentError(error.problem or str(error), mark.line if mark else 0) from error
    except ReaderError as error:
        before = (text if isinstance(text, bytes) else text.encode())[: error.position]
        told = f"character U+{int(error.character):04X}: {error.reason}"
        raise DocumentError(told, before.count(b"\n")) from error
    except yaml.YAMLError as error:
        raise DocumentError(" ".join(str(error).split()), 0) from error
    finally:
        parser.dispose()


class _Tree:
    def __init__(self, parser: CParser) -> None:
        self._next = parser.get_event
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._size = 0
        self._repeated = 0
        self._duplicates: list[tuple[str, int]] = []
        self._item_lines: list[int] = []

    def document(self) -> Document:
        self._next()
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            return Document(None)
        event = self._next()
        is_list = isinstance(event, SequenceStartEvent) and not event.anchor and event.tag is None
        value = self._sequence(0, self._item_lines) if is_list else self._value(event, 0)
        return Document(value, _line(event), tuple(self._item_lines), tuple(self._duplicates))

    def _value(self, event: Any, depth: int) -> Any:
        self._size += 1
        if isinstance(event, ScalarEvent):
            value = self._scalar(event)
            return value if event.anchor is None else self._anchored(event, self._size, value)
        if isinstance(event, AliasEvent):
            return self._repeat(event)
        if depth >= DEEPEST:
            raise DocumentError(f"nested deeper than {DEEPEST} levels", _line(event))
        if event.tag not in _COLLECTION_TAGS:
            raise DocumentError(f"tag {event.tag} is not one that Kubernetes reads", _line(event))
        before = self._size
        value = self._mapping(depth) if isinstance(event, MappingStartEvent) else self._sequence(depth, None)
        return value if event.anchor is None else self._anchored(event, before, value)

    def _anchored(self, event: Any, before: int, value: Any) -> Any:
        self._anchors[event.anchor] = (value, self._size - before + 1)
        return value

    def _repeat(self, event: Any) -> Any:
        known = self._anchors.get(event.anchor)
        if known is None:
            raise DocumentError(f"alias *{event.anchor} names no anchor before it", _line(event))
        value, size = known
        self._size += size
        self._repeated += size
        if self._repeated > MOST_REPEATED:
            raise DocumentError(f"aliases repeat more than {MOST_REPEATED:,} values", _line(event))
        return value

    def _scalar(self, event: ScalarEvent) -> Any:
        try:
            if event.tag is not None:
                return tagged(event.tag, event.value)
            return plain(event.value) if event.implicit[0] else event.value
        except ScalarError as error:
            raise DocumentError(str(error), _line(event)) from error

    def _sequence(self, depth: int, lines: list[int] | None) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := self._next(), SequenceEndEvent):
            if lines is not None:
                lines.append(_line(event))
            values.append(self._value(event, depth + 1))
        return values

    def _mapping(self, depth: int) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        merged: set[str] = set()
        while not isinstance(event := self._next(), MappingEndEvent):
            name = self._key(event)
            value_event = self._next()
            if name == _MERGE and isinstance(event, ScalarEvent) and event.implicit[0]:
                merged |= _merge(mapping, self._value(value_event, depth + 1), _line(value_event))
                continue
            if name in mapping and name not in merged:
                self._duplicates.append((name, _line(event)))
            merged.discard(name)
            mapping[name] = self._member(name, value_event, depth)
        return mapping

    def _member(self, name: str, event: Any, depth: int) -> Any:
        """A member's value; of the top-level `items` each member's line is kept."""
        plain_items = depth == 0 and name == "items" and isinstance(event, SequenceStartEvent) and not event.anchor
        if not plain_items:
            return self._value(event, depth + 1)
        self._item_lines = []
        return self._sequence(depth + 1, self._item_lines)

    def _key(self, event: Any) -> str:
        if not isinstance(event, _KEYS):
            raise DocumentError("a key must be a scalar", _line(event))
        if isinstance(event, ScalarEvent) and event.value == _MERGE:
            return _MERGE
        value = self._value(event, 0)
        try:
            return key(value)
        except (ScalarError, TypeError, ValueError) as error:
            raise DocumentError(str(error), _line(event)) from error


def _line(event: Any) -> int:
    """0-based line; events are untyped in PyYAML's stubs."""
    line: int = event.start_mark.line
    return line


def _merge(mapping: dict[str, Any], source: Any, line: int) -> set[str]:
    """The names merged. Whatever stands later in the text wins; in a list of merged mappings the earlier ones do.

    YAML gives a mapping's own keys precedence wherever they stand; go-yaml v2, which Kubernetes uses, does not.
    """
    merged: set[str] = set()
    for part in reversed(source if isinstance(source, list) else [source]):
        if not isinstance(part, dict):
            raise DocumentError("<< merges mappings only", line)
        mapping.update(part)
        merged.update(part)
    return merged
