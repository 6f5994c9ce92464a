"""Plain trees out of what people wrote: bounded, so that an anchor that multiplies itself cannot."""

from typing import Any

import yaml

from sidestep.model.resource import Resource
from sidestep.plan.install.scalars import Loader

_LARGEST = 100_000
_DEEPEST = 64


class TooLargeError(Exception):
    """A tree with more parts, or more levels, than any configuration has."""


def plain_mapping(text: str | None) -> dict[str, Any] | None:
    """The mapping in a string of YAML or JSON, as plain values; None when there is none that can be read."""
    try:
        found = yaml.load(text or "", Loader=Loader)  # noqa: S506 - as safe as the loader that it extends
        tree = _Copy().value(found, 0)
    except (yaml.YAMLError, ValueError, RecursionError, TooLargeError):
        return None
    return tree if isinstance(tree, dict) else None


def inner(tree: object, *keys: str) -> Any:
    """What stands at a path; None where something on the way is missing or no mapping."""
    for key in keys:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def pod_spec(resource: Resource[Any] | None) -> dict[str, Any]:
    """The whole pod spec of a controller's template; empty where there is none."""
    found = inner(resource.tree(), "spec", "template", "spec") if resource and resource.body else None
    return found if isinstance(found, dict) else {}


class _Copy:
    """A copy without shared parts, with text for keys and bytes."""

    def __init__(self) -> None:
        self._left = _LARGEST

    def value(self, found: Any, depth: int) -> Any:
        """The copy of one value.

        Raises:
            TooLargeError: it is too large or too deep.
        """
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            raise TooLargeError
        if isinstance(found, dict):
            return {_key(key): self.value(member, depth + 1) for key, member in found.items()}
        if isinstance(found, (list, tuple, set)):
            return [self.value(member, depth + 1) for member in found]
        return found if found is None or isinstance(found, (str, int, float)) else _text(found)


def _key(found: object) -> str:
    return str(found).lower() if isinstance(found, bool) else str(found)


def _text(found: object) -> str:
    return found.decode(errors="replace") if isinstance(found, bytes) else str(found)
