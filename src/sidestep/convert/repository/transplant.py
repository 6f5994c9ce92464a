"""Make the change of a rendered object in the file that it was rendered from."""

from typing import Any

from sidestep.convert.editing.alignment import same
from sidestep.convert.rewrite import Tree


class ElsewhereError(Exception):
    """A field whose value does not come from this file, by its path."""


def transplant(there: Tree, before: Tree, after: Tree) -> Tree:
    """What a file must say so that what is rendered from it changes as wanted.

    Args:
        there: the object as the file says it.
        before: as it is rendered.
        after: as it is to be rendered.

    Raises:
        ElsewhereError: a field that changes is rendered otherwise than the file says it.
    """
    found: Tree = _moved(there, before, after, "")
    return found


_MISSING = object()


def _moved(there: Any, before: Any, after: Any, path: str) -> Any:
    if same(before, after):
        return there
    if same(there, before):
        return after
    if not (isinstance(there, dict) and isinstance(before, dict) and isinstance(after, dict)):
        raise ElsewhereError(path.removeprefix("."))
    found = dict(there)
    for name in [*before, *(name for name in after if name not in before)]:
        old, new = before.get(name, _MISSING), after.get(name, _MISSING)
        at = f"{path}.{name}"
        if new is _MISSING:
            if not same(found.pop(name, _MISSING), old):
                raise ElsewhereError(at.removeprefix("."))
        elif old is _MISSING:
            if there.get(name) is not None and not same(there[name], new):
                raise ElsewhereError(at.removeprefix("."))
            found[name] = new
        elif not same(old, new):
            found[name] = _member(there, name, old, new, at)
    return found


def _member(there: Tree, name: str, old: Any, new: Any, at: str) -> Any:
    """The new value of a field that changes."""
    if name in there:
        return _moved(there[name], old, new, at)
    if isinstance(old, dict) and isinstance(new, dict) and old.items() <= new.items():
        return {key: value for key, value in new.items() if key not in old}
    raise ElsewhereError(at.removeprefix("."))
