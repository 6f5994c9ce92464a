"""Names of new files, in the manner of the folder that they come into."""

import re
from collections import Counter
from collections.abc import Callable, Mapping

from sidestep.convert.rewrite import Tree

Habit = tuple[int, str]
"""The number of a pattern, and a suffix."""
_Pattern = Callable[[str, str], str]
_PATTERNS: tuple[_Pattern, ...] = (
    lambda kind, name: f"{kind}-{name}",
    lambda kind, name: f"{name}-{kind}",
    lambda kind, name: f"{name}.{kind}",
    lambda kind, name: f"{kind}.{name}",
    lambda kind, name: f"{kind}_{name}",
    lambda kind, name: f"{name}_{kind}",
)
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


def habit(neighbours: Mapping[str, Tree]) -> Habit:
    """How the files of a folder are named.

    Args:
        neighbours: objects of the folder that have a file of their own, by its name.
    """
    counted = Counter(shape for name, other in neighbours.items() if (shape := _shape(name, other)) is not None)
    return counted.most_common(1)[0][0] if counted else (0, _suffix(neighbours))


def file_name(tree: Tree, manner: Habit, taken: set[str]) -> str:
    """A name for the file of a new object.

    Args:
        tree: the object.
        manner: of the folder.
        taken: names that are not free.
    """
    pattern, suffix = manner
    base = _base(tree, pattern)
    tries = (f"{base}{'' if number == 1 else f'-{number}'}{suffix}" for number in range(1, len(taken) + 2))
    return next(name for name in tries if name not in taken)


def _shape(name: str, tree: Tree) -> Habit | None:
    """By which pattern a file is named; None for another."""
    stem, dot, suffix = name.rpartition(".")
    found = (number for number in range(len(_PATTERNS)) if stem == _base(tree, number))
    number = next(found, None)
    return None if number is None else (number, dot + suffix)


def _base(tree: Tree, pattern: int) -> str:
    meta = tree.get("metadata")
    name = str(meta.get("name", "")) if isinstance(meta, dict) else ""
    return _ODD.sub("-", _PATTERNS[pattern](str(tree.get("kind", "")).lower(), name))


def _suffix(neighbours: Mapping[str, Tree]) -> str:
    counted = Counter(name[name.rfind(".") :] for name in neighbours if name.endswith((".yaml", ".yml")))
    return counted.most_common(1)[0][0] if counted else ".yaml"
