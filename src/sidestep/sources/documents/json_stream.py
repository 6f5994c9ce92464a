"""Read JSON of any size: objects, lists of objects, one after the other.

What fits into one window is decoded at once. A longer list is cut at places that look like the end of one item and
the start of the next. The guess is checked by decoding: text that starts at an item and parses as a sequence of values
ends at an item too, so a wrong guess (the pattern stood deeper) fails to parse and the one before is tried.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO

import msgspec
from msgspec import Raw, Struct

from sidestep.model.gaps import Gap, GapReason
from sidestep.model.origin import FileOrigin
from sidestep.sources.documents.item import Items, Pods, Read
from sidestep.sources.objects.builder import TypeMeta
from sidestep.sources.objects.pods import decode_pods

WINDOW = 2**20
LARGEST_VALUE = 2**30
_TAIL = 2**16
_TRIES = 64
_ITEMS = re.compile(rb'"items"\s*:\s*\[')
_BOUNDARY = re.compile(rb'\}\s*(,)\s*(?=\{\s*"(?:apiVersion|kind|metadata)"\s*:)')
_BETWEEN_ITEMS = re.compile(rb"\}\s*,\s*(?=\{)")
_STARTS_WITH_POD = re.compile(rb'\s*\{"apiVersion":"v1","kind":"Pod",')
_POD = TypeMeta("v1", "Pod")
_BETWEEN_VALUES = re.compile(rb"\}\s*(?=\{)")
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
_BOM = b"\xef\xbb\xbf"
_FIX = "correct or fetch the file again; the rest of it was left out"


class _Envelope(Struct, rename="camel"):
    """A list of objects, or an object without `items`."""

    api_version: str = ""
    kind: str = ""
    items: list[Raw] | None = None


_envelope = msgspec.json.Decoder(_Envelope)
_raws = msgspec.json.Decoder(list[Raw])


def read_json(stream: BinaryIO, path: str, window: int = WINDOW) -> Iterator[Read]:
    """All objects of a stream.

    Args:
        stream: JSON values one after the other; items of a list come one by one.
        path: for origins and messages.
        window: bytes read at a time; memory is bounded by some of these where a list's items start as the API
            server's do.
    """
    text = stream.read(window).removeprefix(_BOM)
    more = stream.read(window) if len(text) >= window - len(_BOM) else b""
    if not more:
        yield from _small(text, path)
        return
    text += more
    if _is_lines(text):
        yield from _one_per_line(stream, window, text, path)
        return
    start = _ITEMS.search(text)
    header = _header_of(text[: start.start()]) if start else None
    if text.lstrip()[:1] == b"[":
        yield from _LongList(stream, window, text, FileOrigin(path), None).read(text.index(b"[") + 1)
    elif start is None or header is None:
        yield from _whole(text + stream.read(LARGEST_VALUE), path)
    else:
        yield from _LongList(stream, window, text, FileOrigin(path), _item_type(header)).read(start.end())


def _is_lines(text: bytes) -> bool:
    """Whether each line is a value (`jq -c`), judged by the first."""
    first, newline, _ = text.lstrip().partition(b"\n")
    return bool(newline) and first.startswith(b"{") and _is_json(first)


def _one_per_line(stream: BinaryIO, window: int, text: bytes, path: str) -> Iterator[Read]:
    """One value per line, window after window."""
    line = document = 1
    while text:
        if len(text) > LARGEST_VALUE:
            yield _too_large(FileOrigin(path, line, document))
            return
        more = stream.read(window if b"\n" in text else max(window, len(text)))
        whole, _, rest = text.rpartition(b"\n") if more else (text, b"", b"")
        for value in whole.split(b"\n") if whole else ():
            if value.strip():
                yield from _value(value.strip(), FileOrigin(path, line, document))
                document += 1
            line += 1
        text = rest + more


def _whole(text: bytes, path: str) -> Iterator[Read]:
    """What cannot be read in windows, as far as memory allows."""
    if len(text) > LARGEST_VALUE:
        yield _too_large(FileOrigin(path))
    else:
        yield from _small(text, path)


def _too_large(origin: FileOrigin) -> Gap:
    detail = f"more than {LARGEST_VALUE >> 20} MiB without a place to cut"
    return Gap(str(origin), GapReason.TOO_LARGE, detail, "give one object per line: jq -c .items[]")


def _small(text: bytes, path: str) -> Iterator[Read]:
    """Everything at once: one value, or several one after the other."""
    line = document = 1
    for value in _values(text):
        blank = len(value) - len(value.lstrip())
        yield from _value(value.strip(), FileOrigin(path, line + value.count(b"\n", 0, blank), document))
        line += value.count(b"\n")
        document += 1


def _values(text: bytes) -> Iterator[bytes]:
    """The text of each top-level value; what cannot be told apart comes as one."""
    start = 0
    if _is_json(text):
        yield text
        return
    for match in _BETWEEN_VALUES.finditer(text):
        if _is_json(text[start : match.start() + 1]):
            yield text[start : match.start() + 1]
            start = match.start() + 1
    if text[start:].strip():
        yield text[start:]


def _is_json(text: bytes) -> bool:
    try:
        msgspec.json.decode(text, type=Raw)
    except _UNREADABLE:
        return False
    return True


def _value(text: bytes, origin: FileOrigin) -> Iterator[Read]:
    try:
        if text.startswith(b"["):
            yield from _items(_raws.decode(text), text[1:], origin, None)
            return
        envelope = _envelope.decode(text)
    except _UNREADABLE as error:
        yield from _broken(text, origin, error)
        return
    start = _ITEMS.search(text)
    if envelope.items is None or start is None or not _is_list(envelope):
        yield Items([text], origin)
        return
    first_line = origin.line + text.count(b"\n", 0, start.end())
    at_items = msgspec.structs.replace(origin, line=first_line)
    yield from _items(envelope.items, text[start.end() :], at_items, _item_type(envelope))


def _broken(text: bytes, origin: FileOrigin, error: Exception) -> Iterator[Read]:
    """What stands before the break, where the value is a list; and the break."""
    start = _ITEMS.search(text)
    if isinstance(error, msgspec.ValidationError) or start is None:
        truncated = "truncated" in str(error)
        reason = GapReason.TRUNCATED if truncated else GapReason.MALFORMED
        yield Gap(str(origin), reason, str(error), _FIX)
        return
    header = _header_of(text[: start.start()])
    declared = _item_type(header) if header else None
    line = origin.line + text.count(b"\n", 0, start.end())
    yield from _salvage(text[start.end() :], msgspec.structs.replace(origin, line=line), declared)


def _salvage(rest: bytes, origin: FileOrigin, declared: TypeMeta | None) -> Iterator[Read]:
    """All whole items at the start of a list that breaks off."""
    cut = 0
    for match in _BOUNDARY.finditer(rest):
        raws = _decode_items(rest[cut : match.start() + 1])
        if raws is not None:
            yield from _items(raws, rest[cut:], origin, declared)
            cut, origin = match.end(1), _moved(origin, rest, cut, match.end(1))
    for end in _possible_ends(rest, cut):
        raws = _decode_items(rest[cut:end])
        if raws:
            yield from _items(raws, rest[cut:], origin, declared)
            break
    yield Gap(str(origin), GapReason.TRUNCATED, "the list breaks off or is damaged here", _FIX)


def _possible_ends(rest: bytes, start: int) -> Iterator[int]:
    """Where the last whole item may end, latest first."""
    yield len(rest)
    brace = len(rest)
    for _ in range(2):
        brace = rest.rfind(b"}", start, brace)
        yield brace + 1
    ends = [found.start() + 1 for found in _BETWEEN_ITEMS.finditer(rest, start)]
    yield from ends[: -_TRIES - 1 : -1]


class _LongList:
    """A list longer than a window; `_rest` always starts at an item."""

    def __init__(
        self, stream: BinaryIO, window: int, text: bytes, origin: FileOrigin, declared: TypeMeta | None
    ) -> None:
        self._stream = stream
        self._window = window
        self._text = text
        self._origin = origin
        self._declared = declared

    def read(self, start: int) -> Iterator[Read]:
        """All items from a place on, window after window, then what follows the list."""
        self._consume(start)
        ended = False
        while not ended:
            cut = self._boundary()
            if cut is not None:
                yield cut[1]
                self._consume(cut[0])
            if len(self._text) > LARGEST_VALUE:
                yield _too_large(self._origin)
                return
            more = self._stream.read(max(self._window, 0 if cut else len(self._text)))
            ended = not more
            self._text += more
        yield from self._last()

    def _consume(self, count: int) -> None:
        self._origin = _moved(self._origin, self._text, 0, count)
        self._text = self._text[count:]

    def _boundary(self) -> tuple[int, Read] | None:
        """The last place where an item ends, past its comma, and all items before it."""
        tail = _TAIL
        while True:
            first = max(0, len(self._text) - tail)
            matches = list(_BOUNDARY.finditer(self._text, first))
            for match in matches[: -_TRIES - 1 : -1]:
                stretch = self._stretch(self._text[: match.start() + 1])
                if stretch is not None:
                    return match.end(1), stretch
            if first == 0:
                return None
            tail *= 16

    def _stretch(self, text: bytes) -> Read | None:
        """The items of a text; None when it does not end with one. Pods are decoded at once, for they are the most."""
        declared = self._declared
        array = b"".join((b"[", text, b"]"))
        if b"\n" not in text and (declared == _POD or _STARTS_WITH_POD.match(text)):
            pods = decode_pods(array, declared=declared == _POD)
            if pods is not None:
                return Pods(pods, self._origin)
        raws = _decode_array(array)
        return None if raws is None else _located(raws, text, self._origin, declared)

    def _last(self) -> Iterator[Read]:
        items = _closed(self._text)
        if items is None:
            yield from _salvage(self._text, self._origin, self._declared)
            return
        yield from _items(items, self._text, self._origin, self._declared)


def _closed(text: bytes) -> list[Raw] | None:
    """The items of a list's end, whether an object or nothing is around the list."""
    try:
        return _envelope.decode(b'{"items":[' + text).items
    except _UNREADABLE:
        pass
    try:
        return _raws.decode(b"[" + text)
    except _UNREADABLE:
        return None


def _items(raws: list[Raw], text: bytes, origin: FileOrigin, declared: TypeMeta | None) -> Iterator[Read]:
    """Items with the line each starts on; between items there are only blanks and commas."""
    if raws:
        yield _located(raws, text, origin, declared)


def _located(raws: list[Raw], text: bytes, origin: FileOrigin, declared: TypeMeta | None) -> Items:
    return Items(raws, origin, _starts(raws, text, origin.line) if b"\n" in text else None, declared)


def _starts(raws: list[Raw], text: bytes, line: int) -> list[int]:
    """The line of each item."""
    lines = []
    at = counted = 0
    for raw in raws:
        start = max(text.find(b"{", at), at)
        line += text.count(b"\n", counted, start)
        lines.append(line)
        counted = start
        at = start + memoryview(raw).nbytes
    return lines


def _decode_items(text: bytes) -> list[Raw] | None:
    return _decode_array(b"".join((b"[", text, b"]")))


def _decode_array(array: bytes) -> list[Raw] | None:
    try:
        return _raws.decode(array)
    except _UNREADABLE:
        return None


def _moved(origin: FileOrigin, text: bytes, start: int, end: int) -> FileOrigin:
    if text.find(b"\n", start, end) < 0:
        return origin
    return msgspec.structs.replace(origin, line=origin.line + text.count(b"\n", start, end))


def _is_list(envelope: _Envelope) -> bool:
    return not envelope.kind or envelope.kind.endswith("List")


def _item_type(envelope: _Envelope) -> TypeMeta | None:
    """What items of a typed list are; a plain `List` leaves it to its items."""
    if envelope.kind in ("", "List") or not envelope.kind.endswith("List"):
        return None
    return TypeMeta(envelope.api_version, envelope.kind.removesuffix("List"))


def _header_of(text: bytes) -> _Envelope | None:
    """What stands before a list's items; None when that is no whole object, so that the items lie deeper."""
    try:
        return _envelope.decode(text.rstrip().rstrip(b",") + b"}")
    except _UNREADABLE:
        return None
