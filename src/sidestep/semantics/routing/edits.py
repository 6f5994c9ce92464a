"""Edits of headers in words, and the authority that hides among them.

Source: pilot/pkg/networking/core/route/route.go (TranslateHeadersOperations): `host` and `:authority` set the
authority and are no edits; other pseudo-headers cannot be edited; `set` goes before `add`.
"""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from sidestep.semantics.trees import mapping, strings, text

_AUTHORITY = (":authority", "host")


class Edits(Struct, frozen=True):
    """What happens to headers on the way."""

    request: tuple[str, ...] = ()
    response: tuple[str, ...] = ()
    authority: str = ""


_UNEDITED = Edits()


def edits(value: object, field: str) -> Edits:
    """The `headers` of a VirtualService.

    Raises:
        MalformedError: a field has a wrong type.
    """
    tree = mapping(value, field)
    if not tree:
        return _UNEDITED
    request = mapping(tree.get("request"), f"{field}.request")
    response = mapping(tree.get("response"), f"{field}.response")
    authority = _authority(request.get("set"), f"{field}.request.set") or _authority(
        request.get("add"), f"{field}.request.add"
    )
    return Edits(_words(request, f"{field}.request"), _words(response, f"{field}.response"), authority)


def in_words(changed: Mapping[str, str], verb: str) -> tuple[str, ...]:
    """Edits of one kind, by name."""
    return tuple(f"{verb} {name}: {value}" for name, value in sorted(changed.items()) if not _internal(name))


def removed(names: tuple[str, ...]) -> tuple[str, ...]:
    """Headers that go."""
    return tuple(f"remove {name}" for name in names if not _internal(name))


def _words(tree: Mapping[str, Any], field: str) -> tuple[str, ...]:
    return (
        *in_words(_texts(tree.get("set"), f"{field}.set"), "set"),
        *in_words(_texts(tree.get("add"), f"{field}.add"), "add"),
        *removed(strings(tree.get("remove"), f"{field}.remove")),
    )


def _texts(value: object, field: str) -> dict[str, str]:
    return {str(name): text(each, f"{field}.{name}") for name, each in mapping(value, field).items()}


def _authority(value: object, field: str) -> str:
    found = [each for name, each in _texts(value, field).items() if name.lower() in _AUTHORITY]
    return found[-1] if found else ""


def _internal(name: str) -> bool:
    return name.startswith(":") or name.lower() == "host"
