"""Who besides a chart's own `values.yaml` says its values: files for `--values`, releases of Flux, Argo CD, Helmfile.

Helm lays all of them over each other, key by key: one that says another key of the same mapping changes nothing.
"""

from collections.abc import Iterator
from typing import Any

from sidestep.convert.editing.chunks import chunks
from sidestep.convert.editing.document import read_value
from sidestep.convert.repository.values import Repository, folder_of
from sidestep.errors import WorldError

_FILES = (".yaml", ".yml", ".json", ".gotmpl")
_LISTS = ("parameters", "set", "setString", "setTemplate")
_VALUES = "values"
_CHART = "Chart.yaml"
Keys = tuple[str, ...]


def other_setters(repository: Repository, chart: str, own: str, keys: Keys) -> Iterator[str]:
    """Files that may decide a value of a chart.

    Args:
        repository: in which.
        chart: its folder.
        own: its `values.yaml`.
        keys: that lead to the value.
    """
    named = (keys, (chart.rpartition("/")[2], *keys))
    for path, text in repository.files.items():
        may_say = path != own and path.endswith(_FILES) and keys[0] in text and _is_near(repository, chart, path)
        if may_say and any(_says(text, each) for each in named):
            yield path


def _is_near(repository: Repository, chart: str, path: str) -> bool:
    """Whether a file is no template, and not of another chart; those around a chart may say values of it."""
    home = _chart_around(repository, path)
    if home is None:
        return True
    is_around = not home or home == chart or chart.startswith(f"{home}/")
    return is_around and "/templates/" not in f"/{path.removeprefix(home)}"


def _chart_around(repository: Repository, path: str) -> str | None:
    """The folder of the chart that a file is in; None for one in none."""
    folder = folder_of(path)
    while True:
        if (f"{folder}/{_CHART}" if folder else _CHART) in repository.files:
            return folder
        if not folder:
            return None
        folder = folder_of(folder)


def _says(text: str, keys: Keys) -> bool:
    """Whether a file decides a value; of one that cannot be read, whether it names it."""
    for piece in chunks(text):
        try:
            tree = read_value(piece.text) if piece.number else None
        except WorldError:
            if all(key in piece.text for key in keys):
                return True
        else:
            if any(_decides(each, keys) for each in _values(tree)):
                return True
    return False


def _values(tree: Any) -> Iterator[Any]:
    """All that a document may say as values: itself, if it is no object, and what stands in it for somebody's Helm."""
    if isinstance(tree, dict) and "kind" not in tree:
        yield tree
    yield from _inner(tree)


def _inner(tree: Any) -> Iterator[Any]:
    for member in tree if isinstance(tree, list) else ():
        yield from _inner(member)
    for name, member in tree.items() if isinstance(tree, dict) else ():
        if name.startswith(_VALUES):
            yield from _told(member)
        elif name in _LISTS and isinstance(member, list):
            yield from _named(member)
        yield from _inner(member)


def _told(member: Any) -> Iterator[Any]:
    """Values as a mapping, as its text, or as a list of mappings."""
    if isinstance(member, str):
        try:
            member = read_value(member)
        except WorldError:
            return
    yield from (each for each in (member if isinstance(member, list) else [member]) if isinstance(each, dict))


def _named(entries: list[Any]) -> Iterator[Any]:
    """Entries that name a value by its path, as trees."""
    for each in entries:
        if isinstance(each, dict) and isinstance(each.get("name"), str):
            tree: Any = each.get("value")
            parts = each["name"].replace("\\.", "\0").split(".")
            for part in reversed(parts):
                tree = {part.replace("\0", "."): tree}
            yield tree


def _decides(tree: Any, keys: Keys) -> bool:
    """Whether values decide one: they say it, or something that is no mapping in the place of one around it."""
    for key in keys:
        if not isinstance(tree, dict):
            return True
        if key not in tree:
            return False
        tree = tree[key]
    return True
