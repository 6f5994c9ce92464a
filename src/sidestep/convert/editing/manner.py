"""See in what manner a document is written."""

from collections import Counter
from typing import TypeVar

from sidestep.convert.editing.layout import column
from sidestep.convert.editing.nodes import Document, Form, Node
from sidestep.convert.editing.written import Manner

_MOST_STEPS = 8
_MOST_SEEN = 2_000
T = TypeVar("T")


def manner_of(document: Document) -> Manner:
    """The manner that prevails in a document; the usual one where nothing shows it."""
    seen = _Seen(document.text)
    if document.root is not None:
        seen.node(document.root)
    newline = "\r\n" if "\r\n" in document.text else "\n"
    return Manner(newline, _first(seen.steps, 2), _first(seen.indented, default=False), _first(seen.quotes, '"'))


class _Seen:
    """What was counted."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._left = _MOST_SEEN
        self.steps: Counter[int] = Counter()
        self.indented: Counter[bool] = Counter()
        self.quotes: Counter[str] = Counter()

    def node(self, node: Node) -> None:
        """Count a node and what is in it, until enough was seen."""
        self._left -= 1
        if self._left < 0:
            return
        if node.form is Form.SCALAR and node.style in ("'", '"'):
            self.quotes[node.style] += 1
        for part in node.parts:
            if node.form is Form.MAPPING and part.value.parts:
                self._shift(node, part.value)
            self.node(part.value)

    def _shift(self, outer: Node, inner: Node) -> None:
        """How much deeper a value stands than its key."""
        if outer.flow != inner.flow:
            return
        shift = column(self._text, inner.parts[0].start) - column(self._text, outer.parts[0].start)
        if inner.form is Form.SEQUENCE and not inner.flow:
            self.indented[shift > 0] += 1
        elif 0 < shift <= _MOST_STEPS:
            self.steps[shift] += 1


def _first(counted: "Counter[T]", default: T) -> T:
    """What was met most; of several the first met."""
    return counted.most_common(1)[0][0] if counted else default
