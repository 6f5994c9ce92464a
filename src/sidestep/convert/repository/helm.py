"""Charts: a change of a rendered object becomes one of `values.yaml`, where it is certain which value it is.

Certain is: one template document makes the object; the field is nothing but one value; that value is used nowhere else,
says what was rendered, and no other values file sets it.
"""

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from sidestep.convert.editing.alignment import same
from sidestep.convert.editing.document import read_value
from sidestep.convert.editing.operations import Operation, operations
from sidestep.convert.editing.scalars import reads_plain
from sidestep.convert.repository.setters import other_setters
from sidestep.convert.repository.templates import PARTS, TOKEN, Template, templates, value_of
from sidestep.convert.repository.values import Repository
from sidestep.convert.rewrite import REWRITTEN_BY, Tree
from sidestep.errors import WorldError
from sidestep.model.metadata import ObjectId

CHART = "Chart.yaml"
VALUES = "values.yaml"


class UncertainError(Exception):
    """Why a field cannot be traced to one value."""


class ValuesEdit(Struct, frozen=True):
    """A value of a chart that changes.

    Attributes:
        path: of `values.yaml`.
        keys: that lead to the value.
        value: what it is to be; None for one that goes.
    """

    path: str
    keys: tuple[str, ...]
    value: Any


def chart_of(repository: Repository, path: str) -> str | None:
    """The folder of the chart whose template a file is; None for any other file."""
    folder, found, _ = path.rpartition("/templates/")
    if found and f"{folder}/{CHART}" in repository.files:
        return folder
    return "" if path.startswith("templates/") and CHART in repository.files else None


def charts_that_may_make(repository: Repository, identity: ObjectId) -> list[tuple[str, Template]]:
    """Charts and their template documents that may render an object."""
    found = []
    for path, text in repository.files.items():
        chart = chart_of(repository, path)
        if chart is not None and path.endswith((".yaml", ".yml")):
            values = _values(repository, chart)
            found += [(chart, each) for each in templates(path, text) if _may_make(each, identity, values)]
    return found


def values_edits(repository: Repository, chart: str, template: Template, before: Tree, after: Tree) -> list[ValuesEdit]:
    """The changes of values that make the change of an object.

    Raises:
        UncertainError: a field is not certain to be one value.
    """
    own = _Chart(repository, chart, _values(repository, chart))
    changes = (
        each for change in operations(before, _unnoted(before, after)) for each in _spread(change, template, before)
    )
    return [_edit(own, template, each, _pointed(before, each)) for each in changes]


def with_value(values: Tree, keys: tuple[str, ...], value: Any) -> Tree:
    """Values of which one is another, comes, or goes."""
    first, *rest = keys
    if rest:
        return {**values, first: with_value(values.get(first) or {}, tuple(rest), value)}
    if value is None:
        return {name: each for name, each in values.items() if name != first}
    return {**values, first: value}


class _Chart(Struct, frozen=True):
    """A chart: the repository, its folder, what its `values.yaml` says."""

    repository: Repository
    folder: str
    values: Tree


def _unnoted(before: Tree, after: Tree) -> Tree:
    """Without our note of who rewrote it, which no template has a place for."""
    meta, old = after.get("metadata") or {}, before.get("metadata") or {}
    notes = {name: value for name, value in (meta.get("annotations") or {}).items() if name != REWRITTEN_BY}
    kept = {name: value for name, value in meta.items() if name != "annotations"}
    return {**after, "metadata": {**kept, **({"annotations": notes} if notes or "annotations" in old else {})}}


def _spread(change: Operation, template: Template, before: Tree) -> Iterator[Operation]:
    """A mapping that comes or goes, entry by entry, where the template has a place for its parts."""
    value = change["value"] if change["op"] == "add" else _pointed(before, change)
    there = _pointed(template.tree, change)
    has_place = isinstance(there, dict) and (change["op"] == "add" or _is_of_parts(there))
    if change["op"] == "replace" or not isinstance(value, dict) or not has_place:
        yield change
        return
    for name, member in value.items():
        escaped = name.replace("~", "~0").replace("/", "~1")
        told = {"value": member} if change["op"] == "add" else {}
        yield {"op": change["op"], "path": f"{change['path']}/{escaped}", **told}


def _is_of_parts(mapping: Tree) -> bool:
    """Whether all of a mapping comes from values."""
    return bool(mapping) and all(name.startswith(PARTS) for name in mapping)


def _edit(chart: _Chart, template: Template, change: Operation, old: Any) -> ValuesEdit:
    field = str(change["path"])
    part = _part(chart, template, change, old)
    if part is not None:
        return part
    if change["op"] != "replace" or isinstance(change["value"], dict | list):
        raise UncertainError(f"{field} is more than one value")
    expression = _expression(template, field)
    keys = tuple(expression.split("."))
    now = _at(chart.values, keys)
    _check_only(chart, keys)
    if now is None or not same(now, old):
        raise UncertainError(f"values.yaml does not say what was rendered from {expression}")
    if not _renders(old, change["value"]):
        raise UncertainError(f"{change['value']!r} may be rendered as something else")
    return ValuesEdit(_path(chart.folder, VALUES), keys, change["value"])


def _part(chart: _Chart, template: Template, change: Operation, old: Any) -> ValuesEdit | None:
    """The change of one entry of a mapping, if it comes from a value that says parts of that mapping."""
    parent, _, name = str(change["path"]).rpartition("/")
    key, value = _unescaped(name), change.get("value")
    mapping = _pointed(template.tree, {"path": parent})
    named = [each for each in mapping if each.startswith(PARTS)] if isinstance(mapping, dict) else []
    if len(named) != 1 or key in mapping or isinstance(value, dict | list):
        return None
    keys = tuple(named[0].removeprefix(PARTS).split("."))
    _check_only(chart, keys, key)
    said = _at(chart.values, keys)
    if not _has(chart.values, keys) or not (said is None or isinstance(said, dict)):
        raise UncertainError(f"values.yaml does not say {'.'.join(keys)}")
    if change["op"] != "add" and not same((said or {}).get(key), old):
        raise UncertainError(f"values.yaml does not say what was rendered from {'.'.join(keys)}")
    return ValuesEdit(_path(chart.folder, VALUES), (*keys, key), value)


def _check_only(chart: _Chart, keys: tuple[str, ...], *part: str) -> None:
    """A value is to have one use, and one file that sets it, or the part of it that changes."""
    if _uses(chart.repository, chart.folder, keys) != 1:
        raise UncertainError(f".Values.{'.'.join(keys)} is used in more than one place")
    own = _path(chart.folder, VALUES)
    setting = next(other_setters(chart.repository, chart.folder, own, (*keys, *part)), None)
    if setting is not None:
        raise UncertainError(f"{setting} sets {'.'.join(keys)} too")


def _renders(old: Any, new: Any) -> bool:
    """Whether a value in the place of another surely is that value once rendered, in quotes or without."""
    if isinstance(old, str):
        return isinstance(new, str) and reads_plain(new, flow=False)
    return type(old) is type(new)


def _pointed(tree: Any, change: Operation) -> Any:
    """What stands where a change is made."""
    for part in str(change["path"]).split("/")[1:]:
        tree = _member(tree, _unescaped(part))
    return tree


def _unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _expression(template: Template, field: str) -> str:
    """The path of the only value that a field consists of."""
    found: Any = template.tree
    for part in field.split("/")[1:]:
        key = _unescaped(part)
        if isinstance(found, list) and template.branches:
            raise UncertainError(f"{field} is in a list of {template.path}, which has branches")
        found = _member(found, key)
    token = TOKEN.fullmatch(found) if isinstance(found, str) else None
    if token is None:
        raise UncertainError(f"{template.path} says {field} itself, or makes it of more than one value")
    action, is_outside = template.actions[int(token[1])]
    value = value_of(action)
    if value is None or not is_outside:
        raise UncertainError(f"{template.path} makes {field} by {{{{{action}}}}}")
    return value


def _member(found: Any, key: str) -> Any:
    if isinstance(found, list):
        return found[int(key)] if key.isdigit() and int(key) < len(found) else None
    return found.get(key) if isinstance(found, dict) else None


def _may_make(template: Template, identity: ObjectId, values: Tree) -> bool:
    """Whether a document may render an object: of its kind, and of its name as far as that can be told."""
    meta = template.tree.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else None
    if template.tree.get("kind") != identity.kind or not isinstance(name, str):
        return False
    token = TOKEN.fullmatch(name)
    value = value_of(template.actions[int(token[1])][0]) if token else None
    if value is not None:
        return bool(_at(values, tuple(value.split("."))) == identity.name)
    return TOKEN.search(name) is not None or name == identity.name


def _values(repository: Repository, chart: str) -> Tree:
    return _tree(repository.files.get(_path(chart, VALUES), ""))


def _uses(repository: Repository, chart: str, keys: tuple[str, ...]) -> int:
    """How often a chart's templates name a value, or anything that it is part of."""
    count = 0
    for size in range(1, len(keys) + 1):
        named = re.compile(r"\.Values\." + re.escape(".".join(keys[:size])) + (r"(?![A-Za-z0-9_.])"))
        templates = (text for path, text in repository.files.items() if chart_of(repository, path) == chart)
        count += sum(len(named.findall(text)) for text in templates)
    return count


def _tree(text: str) -> Tree:
    try:
        tree = read_value(text) if text.strip() else {}
    except WorldError:
        return {}
    return tree if isinstance(tree, dict) else {}


def _at(tree: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _has(tree: Any, keys: tuple[str, ...]) -> bool:
    *outer, last = keys
    found = _at(tree, tuple(outer))
    return isinstance(found, dict) and last in found


def _path(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
