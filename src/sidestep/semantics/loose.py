"""Read fields of objects that nobody validated, for rules that rather stay silent than stumble: what has the wrong
type counts as absent.
"""

from collections.abc import Mapping
from typing import Any


def as_dict(value: object) -> dict[str, Any]:
    """An object; an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def as_dicts(value: object) -> list[dict[str, Any]]:
    """The objects in a list; none for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def as_strings(value: object) -> tuple[str, ...]:
    """The strings in a list; none for anything else."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def as_text(value: object) -> str:
    """A string; the empty one for anything else."""
    return value if isinstance(value, str) else ""


def labels_of(tree: Mapping[str, Any]) -> dict[str, str]:
    """The labels of an object that are strings."""
    return _texts(as_dict(tree.get("metadata")).get("labels"))


def annotations_of(tree: Mapping[str, Any]) -> dict[str, str]:
    """The annotations of an object that are strings."""
    return _texts(as_dict(tree.get("metadata")).get("annotations"))


def _texts(value: object) -> dict[str, str]:
    return {key: text for key, text in as_dict(value).items() if isinstance(text, str)}
