"""Edits of a text that are collected and made at once."""

from typing import Any

from sidestep.convert.editing.layout import next_line
from sidestep.convert.editing.manner import manner_of
from sidestep.convert.editing.nodes import Document
from sidestep.convert.editing.written import Manner


class Draft:
    """A document and what becomes of it.

    Args:
        document: as it stands.

    Attributes:
        text: of the document.
        manner: how it is written.
        has_anchors: whether any of its values may be repeated.
        anchored: what the values with an anchor will be, by where they start; those that go are not in it.
    """

    def __init__(self, document: Document) -> None:
        self.text = document.text
        self.manner: Manner = manner_of(document)
        self.has_anchors = document.has_anchors
        self.anchored: dict[int, Any] = {}
        self._edits: list[tuple[int, int, int, str]] = []

    def put(self, start: int, end: int, text: str) -> None:
        """Replace what stands between two positions; positions are of the text as it stood."""
        self._edits.append((start, end, len(self._edits), text))

    def add_lines(self, at: int, lines: list[str], indent: int) -> None:
        """Add lines, indented, after the line that a position is on: what ends that line may itself go."""
        if not lines:
            return
        newline, indented = self.manner.newline, [self._indented(line, indent) for line in lines]
        after = next_line(self.text, at)
        if self.text[after - 1 : after] == "\n" and after > at:
            self.put(after, after, "".join(line + newline for line in indented))
        else:
            self.put(after, after, "".join(newline + line for line in indented))

    def joined(self, lines: list[str], indent: int) -> str:
        """Lines as text, all but the first indented."""
        return self.manner.newline.join([lines[0], *(self._indented(line, indent) for line in lines[1:])])

    def made(self) -> str:
        """The text with all edits."""
        pieces, at = [], 0
        for start, end, _, text in sorted(self._edits):
            pieces += [self.text[at:start], text]
            at = max(at, end)
        return "".join([*pieces, self.text[at:]])

    @staticmethod
    def _indented(line: str, indent: int) -> str:
        return " " * indent + line if line else line
