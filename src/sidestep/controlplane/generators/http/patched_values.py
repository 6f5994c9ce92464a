"""Values of EnvoyFilters as Envoy's messages, and how one is merged into another.

Source: pilot/pkg/networking/core/envoyfilter: a merge is protobuf's; of an extension's configuration it goes on inside.
"""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any as Tree
from typing import TypeVar

from google.protobuf.any_pb2 import Any
from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import Message
from google.protobuf.symbol_database import Default

MessageT = TypeVar("MessageT", bound=Message)
_OLD = "type.googleapis.com/udpa.type.v1.TypedStruct"
_NEW = "type.googleapis.com/xds.type.v3.TypedStruct"
_TYPED = "typed_config"


class UnreadableError(ValueError):
    """A value that Envoy's messages cannot hold: the message says why."""


def read(value: Mapping[str, Tree], into: type[MessageT]) -> MessageT:
    """A value as a message.

    Raises:
        UnreadableError: it is none.
    """
    told = _renamed(value)
    for name in _types(told):
        _learn(name)
    try:
        return ParseDict(told, into())
    except (ParseError, TypeError, ValueError) as error:
        raise UnreadableError(str(error)) from error


def merge(into: Message, value: Message) -> None:
    """What a value sets replaces what was there; lists grow."""
    if not into.DESCRIPTOR.fields_by_name.get(_TYPED) or not value.HasField(_TYPED):
        into.MergeFrom(value)
        return
    inner: Any = value.typed_config  # type: ignore[attr-defined]
    merged = _inside(into.typed_config, inner)  # type: ignore[attr-defined]
    into.MergeFrom(value)
    into.typed_config.CopyFrom(merged)  # type: ignore[attr-defined]


def _inside(old: Any, new: Any) -> Any:
    kinds = {each.TypeName() for each in (old, new)}
    known = _class_of(new.TypeName()) if len(kinds) == 1 else None
    if known is None:
        return new
    merged = known.FromString(old.value)
    merged.MergeFrom(known.FromString(new.value))
    return Any(type_url=new.type_url, value=merged.SerializeToString(deterministic=True))


def _renamed(value: Tree) -> Tree:
    """The TypedStruct of udpa has become that of xds."""
    if isinstance(value, Mapping):
        return {key: _NEW if key == "@type" and each == _OLD else _renamed(each) for key, each in value.items()}
    return [_renamed(each) for each in value] if isinstance(value, list) else value


def _types(value: Tree) -> Iterator[str]:
    if isinstance(value, Mapping):
        found = value.get("@type")
        if isinstance(found, str):
            yield found.rpartition("/")[2]
        for each in value.values():
            yield from _types(each)
    elif isinstance(value, list):
        for each in value:
            yield from _types(each)


def _class_of(name: str) -> type[Message] | None:
    _learn(name)
    try:
        return Default().GetSymbol(name)
    except KeyError:
        return None


@lru_cache(maxsize=512)
def _learn(name: str) -> None:
    """Load the modules of a message's package, so that it is known by its name."""
    package = name.rpartition(".")[0]
    if not package.startswith(("envoy.", "xds.", "google.protobuf")):
        return
    try:
        folder = importlib.import_module(package)
    except ImportError:
        return
    for each in pkgutil.iter_modules(folder.__path__):
        if each.name.endswith("_pb2"):
            importlib.import_module(f"{package}.{each.name}")
