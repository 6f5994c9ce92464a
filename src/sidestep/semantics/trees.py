"""Take typed values out of the trees of objects that nobody validated.

Absent and null are the empty value everywhere, as in Go's decoders; another type is malformed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


class MalformedError(ValueError):
    """A field holds a value of another type than Istio reads there: the message names the field."""


def mapping(value: object, field: str) -> Mapping[str, Any]:
    """An object.

    Raises:
        MalformedError: it is something else.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise MalformedError(f"{field}: expected an object, found {_kind(value)}")
    return value


def mappings(value: object, field: str) -> list[Mapping[str, Any]]:
    """A list of objects; a null among them is an empty one.

    Raises:
        MalformedError: it is something else.
    """
    return [mapping(item, f"{field}[{index}]") for index, item in enumerate(items(value, field))]


def items(value: object, field: str) -> Sequence[Any]:
    """A list.

    Raises:
        MalformedError: it is something else.
    """
    if value is None:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise MalformedError(f"{field}: expected a list, found {_kind(value)}")
    return value


def strings(value: object, field: str) -> tuple[str, ...]:
    """A list of strings.

    Raises:
        MalformedError: it is something else.
    """
    return tuple(text(item, f"{field}[{index}]") for index, item in enumerate(items(value, field)))


def text(value: object, field: str) -> str:
    """A string.

    Raises:
        MalformedError: it is something else.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MalformedError(f"{field}: expected a string, found {_kind(value)}")
    return value


def whole(value: object, field: str) -> int | None:
    """A whole number; None when absent.

    Raises:
        MalformedError: it is something else.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise MalformedError(f"{field}: expected a whole number, found {_kind(value)}")
    return value


def flag(value: object, field: str) -> bool | None:
    """A boolean; None when absent.

    Raises:
        MalformedError: it is something else.
    """
    if value is None or isinstance(value, bool):
        return value
    raise MalformedError(f"{field}: expected true or false, found {_kind(value)}")


def go_bool(written: str) -> bool | None:
    """What Go's ParseBool makes of a text, e.g. of an annotation; None for what it refuses."""
    if written in _TRUE:
        return True
    return False if written in _FALSE else None


def _kind(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), type(value).__name__)
