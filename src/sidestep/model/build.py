"""From an object's JSON to a `Resource`: the one way in which a mesh gets its objects, read or changed."""

from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Raw, Struct

from sidestep.model.kinds import KINDS, Kind
from sidestep.model.metadata import DEFAULT_NAMESPACE, Metadata
from sidestep.model.origin import Origin
from sidestep.model.resource import Resource

_KNOWN: dict[tuple[str, str], Kind[Any]] = {
    (group, kind.name): kind for kind in KINDS for group in (kind.group, *kind.former_groups)
}


class _WithMetadata(Struct):
    metadata: Metadata = Metadata()


_decode_metadata = msgspec.json.Decoder(_WithMetadata).decode
_decode_tree = msgspec.json.Decoder(dict[str, Any]).decode
_view_decoders: dict[str, msgspec.json.Decoder[Any]] = {}


@lru_cache(maxsize=256)
def known_kind(api_version: str, name: str) -> Kind[Any] | None:
    """The kind that an object says it is of, by its present or a former group; None for one that we do not know."""
    group, _, _ = api_version.rpartition("/")
    return _KNOWN.get((group, name))


def typed(kind: Kind[Any], raw: bytes | Raw, api_version: str, name: str, origin: Origin) -> Resource[Any]:
    """An object of a kind that we know.

    Args:
        kind: which.
        raw: its JSON.
        api_version: as it says, or as the list around it does.
        name: of its kind, likewise.
        origin: where it was read.

    Raises:
        msgspec.MsgspecError: not JSON, or a field has another type than the API's.
    """
    try:
        view, meta = _view_decoder(kind).decode(raw), _metadata(raw, namespaced=kind.namespaced)
    except msgspec.ValidationError:
        plain = nulls_dropped(raw)
        if plain is None:
            raise
        return typed(kind, plain, api_version, name, origin)
    body = b"" if kind.evidence else _whole(raw, api_version, name)
    return Resource(api_version, name, meta, view, body, origin)


def nulls_dropped(raw: bytes | Raw) -> bytes | None:
    """An object's JSON without the fields that say null, as the API server takes it; None where no field does.

    Raises:
        msgspec.MsgspecError: not a JSON object.
    """
    tree = _decode_tree(raw)
    found = without_nulls(tree)
    return None if found == tree else msgspec.json.encode(found)


def without_nulls(value: Any) -> Any:
    """A value without the fields that say null: charts write such, and they mean what no field means."""
    if isinstance(value, dict):
        return {name: without_nulls(member) for name, member in value.items() if member is not None}
    if isinstance(value, list):
        return [without_nulls(member) for member in value]
    return value


def carried(raw: bytes | Raw, api_version: str, name: str, origin: Origin) -> Resource[None]:
    """An object that is carried whole without being judged.

    Raises:
        msgspec.MsgspecError: not a JSON object.
    """
    try:
        meta = _metadata(raw, namespaced=False)
    except msgspec.ValidationError:
        meta = _named(_decode_tree(raw))
    return Resource(api_version, name, meta, None, _whole(raw, api_version, name), origin)


def _view_decoder(kind: Kind[Any]) -> msgspec.json.Decoder[Any]:
    decoder = _view_decoders.get(kind.key)
    if decoder is None:
        decoder = _view_decoders[kind.key] = msgspec.json.Decoder(kind.view)
    return decoder


def _metadata(raw: bytes | Raw, *, namespaced: bool) -> Metadata:
    meta = _decode_metadata(raw).metadata
    if namespaced and not meta.namespace:
        return msgspec.structs.replace(meta, namespace=DEFAULT_NAMESPACE)
    return meta


def _named(tree: dict[str, Any]) -> Metadata:
    """What is left of metadata of which some field is wrong: a name, so that it can be told which object it is."""
    found = tree.get("metadata")
    fields = found if isinstance(found, dict) else {}
    name, namespace = fields.get("name"), fields.get("namespace")
    return Metadata(name if isinstance(name, str) else "", namespace if isinstance(namespace, str) else "")


def _whole(raw: bytes | Raw, api_version: str, name: str) -> bytes:
    """The object as compact JSON with its type, which items of a typed list leave out."""
    tree = _decode_tree(raw)
    if "kind" not in tree:
        tree = {"apiVersion": api_version, "kind": name, **tree}
    return msgspec.json.encode(tree)
