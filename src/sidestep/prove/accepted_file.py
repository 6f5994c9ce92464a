"""A file of accepted differences, read: every entry has a reason, an owner and a day on which it ends."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from msgspec.structs import replace

from sidestep.errors import WorldError
from sidestep.prove.accepted import PRESETS, Entry, Scope
from sidestep.prove.proof import Direction
from sidestep.semantics.differences.catalogue import BY_CODE

API_VERSION, KIND = "sidestep.dev/v1", "AcceptedDifferences"
_HEAD = {"apiVersion", "kind", "accepted"}
_KEYS = {"name", "preset", "code", "codes", "direction", "scope", "reason", "owner", "expires"}
_SCOPES = {"destination", "client", "method", "path"}
_REMEDY = "see docs/guides/accept-a-difference.md for the form"


def accepted_entries(tree: object, where: str) -> tuple[Entry, ...]:
    """The entries of a file.

    Args:
        tree: what the YAML or JSON of the file says.
        where: its path, for messages.

    Raises:
        WorldError: it is no file of accepted differences, or an entry lacks something.
    """
    if not isinstance(tree, dict) or tree.get("kind") != KIND or tree.get("apiVersion") != API_VERSION:
        raise WorldError(f"is no {KIND} of {API_VERSION}", where=where, remedy=_REMEDY)
    _check_keys(tree, _HEAD, where)
    listed = tree.get("accepted")
    if not isinstance(listed, list):
        raise WorldError("accepted is no list", where=where, remedy=_REMEDY)
    return tuple(_entry(each, f"{where} accepted[{place}]") for place, each in enumerate(listed))


def _entry(tree: object, where: str) -> Entry:
    if not isinstance(tree, dict):
        raise WorldError("is no mapping", where=where, remedy=_REMEDY)
    _check_keys(tree, _KEYS, where)
    codes, direction = tuple(_codes(tree, where)), _direction(tree, where)
    if not codes and direction is None:
        raise WorldError("says neither a code, nor a direction, nor a preset", where=where, remedy=_REMEDY)
    found = Entry(
        _text(tree, "name", where) or _default_name(codes, direction),
        _demanded(tree, "reason", where),
        _demanded(tree, "owner", where),
        _day(tree, where),
        codes,
        direction,
        _scope(tree, where),
        where,
    )
    preset = PRESETS.get(_text(tree, "preset", where))
    return replace(found, name=_text(tree, "name", where) or preset.name) if preset else found


def _default_name(codes: tuple[str, ...], direction: Direction | None) -> str:
    return " ".join((*codes, *([direction.value] if direction else [])))


def _codes(tree: Mapping[str, Any], where: str) -> Iterator[str]:
    written = [tree[key] for key in ("code", "codes") if tree.get(key) is not None]
    for each in (inner for part in written for inner in (part if isinstance(part, list) else [part])):
        if not isinstance(each, str) or each not in BY_CODE:
            raise WorldError(
                f"{each!r} is no difference of the catalogue", where=where, remedy="write a code such as D15"
            )
        yield each


def _direction(tree: Mapping[str, Any], where: str) -> Direction | None:
    preset, written = _text(tree, "preset", where), _text(tree, "direction", where)
    if preset and preset not in PRESETS:
        raise WorldError(f"{preset!r} is no preset", where=where, remedy=f"write one of {', '.join(PRESETS)}")
    if preset and (written or tree.get("code") or tree.get("codes")):
        raise WorldError("a preset says which differences already", where=where, remedy="leave the others out")
    if preset:
        return PRESETS[preset].direction
    if not written:
        return None
    if written not in tuple(Direction):
        raise WorldError(f"{written!r} is no direction", where=where, remedy=f"write one of {', '.join(Direction)}")
    return Direction(written)


def _scope(tree: Mapping[str, Any], where: str) -> Scope:
    written = tree.get("scope")
    if written is None:
        return Scope()
    if not isinstance(written, dict):
        raise WorldError("scope is no mapping", where=where, remedy=_REMEDY)
    _check_keys(written, _SCOPES, f"{where}.scope")
    return Scope(**{key: _text(written, key, f"{where}.scope") for key in written})


def _day(tree: Mapping[str, Any], where: str) -> date:
    written = tree.get("expires")
    if isinstance(written, datetime):
        return written.date()
    if isinstance(written, date):
        return written
    try:
        return date.fromisoformat(str(written))
    except ValueError:
        told = "says no day on which it expires" if written is None else f"{written!r} is no day"
        raise WorldError(told, where=where, remedy="write expires: YYYY-MM-DD") from None


def _demanded(tree: Mapping[str, Any], key: str, where: str) -> str:
    found = _text(tree, key, where)
    if not found:
        raise WorldError(f"says no {key}", where=where, remedy=f"write {key}: … so that others can judge it")
    return found


def _text(tree: Mapping[str, Any], key: str, where: str) -> str:
    found = tree.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise WorldError(f"{key} is no text: {found!r}", where=where, remedy="put it in quotes")
    return found.strip()


def _check_keys(tree: Mapping[Any, Any], known: set[str], where: str) -> None:
    """A misspelt key would make an entry accept more than was meant."""
    strange = [str(key) for key in tree if key not in known]
    if strange:
        raise WorldError(f"{strange[0]!r} is no field here", where=where, remedy=f"use {', '.join(sorted(known))}")
