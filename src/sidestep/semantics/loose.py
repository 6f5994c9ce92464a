"""Read fields of objects that nobody validated, for rules that rather stay silent than stumble: what has the wrong
type counts as absent.
"""

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
