"""Charts: a change of a rendered object becomes one of `values.yaml`, where it is certain which value it is.

Certain is: one template document makes the object; the field is nothing but one value; that value is used nowhere else,
says what was rendered, and no other values file sets it.
"""

import re
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from sidestep.convert.editing.alignment import same
from sidestep.convert.editing.chunks import chunks
from sidestep.convert.editing.document import read_value
from sidestep.convert.editing.operations import Operation, operations
from sidestep.convert.editing.scalars import reads_plain
from sidestep.convert.repository.values import Repository, folder_of
from sidestep.convert.rewrite import Tree
from sidestep.errors import WorldError
from sidestep.model.metadata import ObjectId

CHART = "Chart.yaml"
VALUES = "values.yaml"
_ACTION = re.compile(r"\{\{-?(.*?)-?\}\}")
_OPENS = re.compile(r"\s*(?:if|range|with|define|block)\b")
_CLOSES = re.compile(r"\s*end\b")
_VALUE = re.compile(r"\s*\.Values\.([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\s*(\|\s*quote\s*)?")
_TOKEN = re.compile(r"HELM-ACTION-(\d+)-")


class UncertainError(Exception):
    """Why a field cannot be traced to one value."""


class Template(Struct, frozen=True):
    """A document of a template whose actions are put aside.

    Attributes:
        path: of its file.
        tree: what it says, with tokens for actions.
        actions: what the tokens stand for, and whether each stands outside any block.
        branches: whether it has blocks (`if`, `range`, `with`).
    """

    path: str
    tree: Tree
    actions: tuple[tuple[str, bool], ...]
    branches: bool


class ValuesEdit(Struct, frozen=True):
    """A value of a chart that changes.

    Attributes:
        path: of `values.yaml`.
        keys: that lead to the value.
        value: what it is to be.
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
            found += [(chart, each) for each in _templates(path, text) if _may_make(each, identity, values)]
    return found


def values_edits(repository: Repository, chart: str, template: Template, before: Tree, after: Tree) -> list[ValuesEdit]:
    """The changes of values that make the change of an object.

    Raises:
        UncertainError: a field is not certain to be one value.
    """
    own = _Chart(repository, chart, _values(repository, chart))
    return [_edit(own, template, each, _pointed(before, each)) for each in operations(before, after)]


def with_value(values: Tree, keys: tuple[str, ...], value: Any) -> Tree:
    """Values of which one is another."""
    first, *rest = keys
    return {**values, first: with_value(values[first], tuple(rest), value) if rest else value}


class _Chart(Struct, frozen=True):
    """A chart: the repository, its folder, what its `values.yaml` says."""

    repository: Repository
    folder: str
    values: Tree


def _edit(chart: _Chart, template: Template, change: Operation, old: Any) -> ValuesEdit:
    field = str(change["path"])
    if change["op"] != "replace" or isinstance(change["value"], dict | list):
        raise UncertainError(f"{field} is more than one value")
    expression = _expression(template, field)
    keys = tuple(expression.split("."))
    now = _at(chart.values, keys)
    if _uses(chart.repository, chart.folder, keys) != 1:
        raise UncertainError(f".Values.{expression} is used in more than one place")
    setting = _other_setters(chart.repository, chart.folder, keys)
    if setting:
        raise UncertainError(f"{setting[0]} sets {expression} too")
    if now is None or not same(now, old):
        raise UncertainError(f"values.yaml does not say what was rendered from {expression}")
    if not _renders(old, change["value"]):
        raise UncertainError(f"{change['value']!r} may be rendered as something else")
    return ValuesEdit(_path(chart.folder, VALUES), keys, change["value"])


def _renders(old: Any, new: Any) -> bool:
    """Whether a value in the place of another surely is that value once rendered, in quotes or without."""
    if isinstance(old, str):
        return isinstance(new, str) and reads_plain(new, flow=False)
    return type(old) is type(new)


def _pointed(tree: Any, change: Operation) -> Any:
    """What stands where a change is made."""
    for part in str(change["path"]).split("/")[1:]:
        tree = _member(tree, part.replace("~1", "/").replace("~0", "~"))
    return tree


def _expression(template: Template, field: str) -> str:
    """The path of the only value that a field consists of."""
    found: Any = template.tree
    for part in field.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and template.branches:
            raise UncertainError(f"{field} is in a list of {template.path}, which has branches")
        found = _member(found, key)
    token = _TOKEN.fullmatch(found) if isinstance(found, str) else None
    if token is None:
        raise UncertainError(f"{template.path} says {field} itself, or makes it of more than one value")
    action, is_outside = template.actions[int(token[1])]
    value = _VALUE.fullmatch(action)
    if value is None or not is_outside:
        raise UncertainError(f"{template.path} makes {field} by {{{{{action}}}}}")
    return value[1]


def _member(found: Any, key: str) -> Any:
    if isinstance(found, list):
        return found[int(key)] if key.isdigit() and int(key) < len(found) else None
    return found.get(key) if isinstance(found, dict) else None


def _templates(path: str, text: str) -> Iterator[Template]:
    for piece in chunks(text):
        masked, actions, branches = _masked(piece.text)
        try:
            tree = read_value(masked, path)
        except WorldError:
            continue
        if isinstance(tree, dict) and "kind" in tree:
            yield Template(path, tree, tuple(actions), branches)


def _masked(text: str) -> tuple[str, list[tuple[str, bool]], bool]:
    """A template as YAML: lines of control are comments, other actions are tokens."""
    lines: list[str] = []
    actions: list[tuple[str, bool]] = []
    depth, branches = 0, False
    for line in text.splitlines():
        found = [match[1] for match in _ACTION.finditer(line)]
        depth -= sum(_CLOSES.match(action) is not None for action in found)
        branches = branches or any(_OPENS.match(action) for action in found)
        lines.append("#" if found and not _ACTION.sub("", line).strip() else _with_tokens(line, actions, depth))
        depth += sum(_OPENS.match(action) is not None for action in found)
    return "\n".join(lines) + "\n", actions, branches


def _with_tokens(line: str, actions: list[tuple[str, bool]], depth: int) -> str:
    """A line whose actions are tokens, noted with whether they stand outside any block."""

    def token(match: re.Match[str]) -> str:
        actions.append((match[1], depth <= 0))
        return f"HELM-ACTION-{len(actions) - 1}-"

    return _ACTION.sub(token, line)


def _may_make(template: Template, identity: ObjectId, values: Tree) -> bool:
    """Whether a document may render an object: of its kind, and of its name as far as that can be told."""
    meta = template.tree.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else None
    if template.tree.get("kind") != identity.kind or not isinstance(name, str):
        return False
    token = _TOKEN.fullmatch(name)
    value = _VALUE.fullmatch(template.actions[int(token[1])][0]) if token else None
    if value is not None:
        return bool(_at(values, tuple(value[1].split("."))) == identity.name)
    return _TOKEN.search(name) is not None or name == identity.name


def _values(repository: Repository, chart: str) -> Tree:
    return _tree(repository.files.get(_path(chart, VALUES), ""))


def _other_setters(repository: Repository, chart: str, keys: tuple[str, ...]) -> list[str]:
    """Files of values, other than the chart's own, that set one of its values or may be a parent's."""
    own = _path(chart, VALUES)
    inside = [path for path in repository.files if path != own and path.rpartition("/")[2].startswith("values")]
    near = [path for path in inside if folder_of(path).startswith(chart) or chart.startswith(folder_of(path))]
    named = (keys, (chart.rpartition("/")[2], *keys))
    return [path for path in near if any(_at(_tree(repository.files[path]), each) is not None for each in named)]


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


def _path(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
