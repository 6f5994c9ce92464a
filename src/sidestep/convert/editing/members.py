"""Which parts of a collection stay, go and come."""

from typing import Any

from msgspec import Struct

from sidestep.convert.editing.alignment import align, same
from sidestep.convert.editing.draft import Draft
from sidestep.convert.editing.nodes import Form, Node

Tree = dict[str, Any]
Kept = dict[int, tuple[Any, Any] | None]


class Added(Struct, frozen=True):
    """A part that comes.

    Attributes:
        name: its key; empty for an item.
        value: what it holds.
    """

    name: str
    value: Any


class Members(Struct, frozen=True):
    """What becomes of the parts of a collection.

    Attributes:
        kept: value and wanted value of the parts that stay, by their number; None for one that is left as it is.
        added: what comes, by the number of the part that stays and that it follows; -1 before the first.
    """

    kept: dict[int, tuple[Any, Any] | None]
    added: dict[int, list[Added]]


def items(node: Node, before: list[Any], after: list[Any]) -> Members:
    """What becomes of the items of a sequence."""
    if len(node.parts) != len(before):
        return Members({}, {})
    found = align(before, after)
    kept: Kept = {old: (before[old], after[new]) for old, new in found.kept.items()}
    added = {old: [Added("", after[new]) for new in new_ones] for old, new_ones in found.added.items()}
    return Members(kept, added)


def entries(draft: Draft, node: Node, before: Tree, after: Tree) -> Members:
    """What becomes of the entries of a mapping; of a key given twice the last counts, as in Kubernetes."""
    numbers = {part.name: number for number, part in enumerate(node.parts) if not part.merge}
    if any(part.merge for part in node.parts):
        return _merging(draft, node, numbers, before, after)
    kept: Kept = {
        number: (before[part.name], after[part.name]) if numbers[part.name] == number else None
        for number, part in enumerate(node.parts)
        if part.name in after
    }
    return Members(kept, _placed(numbers, after))


def _placed(numbers: dict[str, int], after: Tree) -> dict[int, list[Added]]:
    """New keys, each after the one that precedes it; those that none precedes come last."""
    added: dict[int, list[Added]] = {}
    last = max((number for name, number in numbers.items() if name in after), default=-1)
    at = last
    for name, value in after.items():
        if name in numbers:
            at = numbers[name]
        else:
            added.setdefault(at, []).append(Added(name, value))
    return added


def _merging(draft: Draft, node: Node, numbers: dict[str, int], before: Tree, after: Tree) -> Members:
    """A mapping that merges others: it says itself what they do not give as wanted."""
    given: dict[str, Any] = {}
    offered: set[str] = set()
    written: set[str] = set()
    open_merges = True
    for part in node.parts:
        if part.merge:
            gift = _gift(draft, part.value)
            open_merges = open_merges and gift is not None
            given.update(gift or {})
            offered.update(gift or {})
            written -= set(gift or {})
        else:
            written.add(part.name)
            given.pop(part.name, None)
    keeps_merges = open_merges and offered <= after.keys()
    own = {name: number for name, number in numbers.items() if name in written and name in after}
    kept: Kept = {number: (before[name], after[name]) for name, number in own.items()}
    if keeps_merges:
        kept |= {number: None for number, part in enumerate(node.parts) if part.merge}
    missing = [
        Added(name, value)
        for name, value in after.items()
        if name not in own and not (keeps_merges and name in given and same(given[name], value))
    ]
    return Members(dict(sorted(kept.items())), {max(kept, default=-1): missing} if missing else {})


def _gift(draft: Draft, node: Node) -> Tree | None:
    """What a merge key will give; None where that cannot be told, or is no longer there."""
    if node.form is Form.SEQUENCE:
        gifts = [_gift(draft, part.value) for part in reversed(node.parts)]
        together: Tree = {}
        for gift in gifts:
            if gift is None:
                return None
            together.update(gift)
        return together
    found = draft.anchored.get(node.target) if node.form is Form.ALIAS else None
    return found if isinstance(found, dict) else None
