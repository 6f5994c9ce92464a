"""What differs between two values, as the operations of a JSON patch (RFC 6902)."""

from collections.abc import Iterator
from typing import Any

from sidestep.convert.editing.alignment import align, same
from sidestep.convert.editing.written import Manner, lines

Operation = dict[str, Any]


def operations(before: Any, after: Any, path: str = "") -> list[Operation]:
    """Operations that make one value of another, in order."""
    if same(before, after):
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        return _of_mappings(before, after, path)
    if isinstance(before, list) and isinstance(after, list):
        return _of_lists(before, after, path)
    return [{"op": "replace", "path": path, "value": after}]


def as_patch(before: Any, after: Any) -> str:
    """The same as YAML."""
    return "\n".join(lines(operations(before, after), Manner()))


def changed_fields(before: Any, after: Any) -> tuple[str, ...]:
    """JSON pointers to what changes, of mappings that come to their values; the empty one for an object that goes."""
    if after is None:
        return ("",)
    return tuple(path for each in operations(before, after) for path in _leaves(str(each["path"]), each.get("value")))


def _leaves(path: str, value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for name, member in value.items():
            yield from _leaves(f"{path}/{_escaped(name)}", member)
    else:
        yield path


def _of_mappings(before: dict[str, Any], after: dict[str, Any], path: str) -> list[Operation]:
    found: list[Operation] = []
    for name, value in before.items():
        at = f"{path}/{_escaped(name)}"
        found += operations(value, after[name], at) if name in after else [{"op": "remove", "path": at}]
    new = [name for name in after if name not in before]
    return found + [{"op": "add", "path": f"{path}/{_escaped(name)}", "value": after[name]} for name in new]


def _of_lists(before: list[Any], after: list[Any], path: str) -> list[Operation]:
    """Changes and removals from the end, so that indices hold, then additions from the start."""
    found = align(before, after)
    changes: list[Operation] = []
    for old in reversed(range(len(before))):
        new = found.kept.get(old)
        at = f"{path}/{old}"
        changes += [{"op": "remove", "path": at}] if new is None else operations(before[old], after[new], at)
    new_ones = sorted(set(range(len(after))) - set(found.kept.values()))
    return changes + [{"op": "add", "path": f"{path}/{new}", "value": after[new]} for new in new_ones]


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
