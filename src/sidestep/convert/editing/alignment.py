"""Which item of a list became which: equal ones first, then those of one name, then by place."""

from difflib import SequenceMatcher
from typing import Any

import msgspec
from msgspec import Struct

_encode = msgspec.json.Encoder(order="sorted").encode
_MOST_COMPARED = 1_000_000
_IDENTITIES = ("name", "host", "mountPath", "containerPort", "port", "number")


class Alignment(Struct, frozen=True):
    """How one list becomes another.

    Attributes:
        kept: new index by old, in order.
        added: new indices, after the old index that each follows (-1 for the start).
    """

    kept: dict[int, int]
    added: dict[int, list[int]]


def align(before: list[Any], after: list[Any]) -> Alignment:
    """Match items so that little has to change."""
    kept = dict(_matched(before, after))
    added: dict[int, list[int]] = {}
    by_new = {new: old for old, new in kept.items()}
    last = -1
    for new in range(len(after)):
        last = by_new.get(new, last)
        if new not in by_new:
            added.setdefault(last, []).append(new)
    return Alignment(kept, added)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON: `true` is not 1, and 1.0 is."""
    if one is other:
        return True
    if one != other:
        return False
    return (isinstance(one, dict | list) and _encode(one) == _encode(other)) or _same_types(one, other)


def _same_types(one: Any, other: Any) -> bool:
    """Whether values that are equal to Python are so to JSON."""
    if isinstance(one, dict):
        return all(_same_types(value, other[name]) for name, value in one.items())
    if isinstance(one, list):
        return all(map(_same_types, one, other))
    return isinstance(one, bool) == isinstance(other, bool)


def _matched(before: list[Any], after: list[Any]) -> list[tuple[int, int]]:
    old, new = [_encode(each) for each in before], [_encode(each) for each in after]
    head = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    if head == len(old) == len(new):
        return [(at, at) for at in range(head)]
    if (len(old) - head) * (len(new) - head) > _MOST_COMPARED:
        return [(at, at) for at in range(min(len(old), len(new)))]
    found = [(at, at) for at in range(head)]
    matcher = SequenceMatcher(None, old[head:], new[head:], autojunk=False)
    for tag, a, a_end, b, b_end in matcher.get_opcodes():
        ours, theirs = range(a + head, a_end + head), range(b + head, b_end + head)
        if tag == "equal":
            found += zip(ours, theirs, strict=True)
        elif tag == "replace":
            found += _changed(before, after, ours, theirs)
    return found


def _changed(before: list[Any], after: list[Any], ours: range, theirs: range) -> list[tuple[int, int]]:
    """Pairs among items of which none is equal to another."""
    found: list[tuple[int, int]] = []
    start, waiting = theirs.start, ours.start
    for old in ours:
        identity = _identity(before[old])
        new = next((at for at in range(start, theirs.stop) if identity and _identity(after[at]) == identity), None)
        if new is not None:
            found += [*_by_place(before, after, range(waiting, old), range(start, new)), (old, new)]
            start, waiting = new + 1, old + 1
    return [*found, *_by_place(before, after, range(waiting, ours.stop), range(start, theirs.stop))]


def _by_place(before: list[Any], after: list[Any], ours: range, theirs: range) -> list[tuple[int, int]]:
    """Pairs of what stands at the same place; where some came or went, of what has most in common."""
    if len(ours) == len(theirs):
        return [(old, new) for old, new in zip(ours, theirs, strict=True) if _alike(before[old], after[new])]
    found, start = [], theirs.start
    for old in ours:
        new = next((at for at in range(start, theirs.stop) if _shares_most(before[old], after[at])), None)
        if new is not None:
            found.append((old, new))
            start = new + 1
    return found


def _alike(one: Any, other: Any) -> bool:
    """Whether one may have become the other; things of different names have to share something, objects their kind."""
    mine, theirs = _identity(one), _identity(other)
    if mine is None or theirs is None:
        return True
    return _shares_most(one, other) or (mine[0] == theirs[0] and "metadata" in one and "metadata" in other)


def _shares_most(one: Any, other: Any) -> bool:
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return False
    common = sum(name in other and same(value, other[name]) for name, value in one.items())
    return 2 * common >= max(len(one) - 1, 1)


def _identity(item: Any) -> tuple[str, str] | None:
    """What an item is called: an object by its kind and name, others by the first field that names things."""
    if not isinstance(item, dict):
        return None
    meta = item.get("metadata")
    if isinstance(meta, dict) and "name" in meta:
        return str(item.get("kind", "")), f"{meta.get('namespace', '')}/{meta['name']}"
    name = next((name for name in _IDENTITIES if name in item), None)
    return (name, str(item[name])) if name else None
