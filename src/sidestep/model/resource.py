"""One object of a kind we know, or carry without knowing."""

from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from sidestep.model.metadata import Metadata, ObjectId
from sidestep.model.origin import Origin

ViewT = TypeVar("ViewT")


class Resource(Struct, Generic[ViewT], frozen=True):
    """An object as it was read.

    Attributes:
        api_version: with group, e.g. `apps/v1`.
        kind: e.g. `Deployment`.
        meta: its metadata, typed.
        view: the fields that rules read, typed (see `sidestep.model.kinds`).
        body: the whole object as compact JSON, unknown fields included; empty for kinds that are evidence only.
        origin: where it was read.
    """

    api_version: str
    kind: str
    meta: Metadata
    view: ViewT
    body: bytes
    origin: Origin

    @property
    def id(self) -> ObjectId:
        """What names it in the cluster."""
        return ObjectId(self.api_version, self.kind, self.meta.namespace, self.meta.name)

    def tree(self) -> dict[str, Any]:
        """The whole object, decoded anew so that nobody can change what others see."""
        decoded: dict[str, Any] = msgspec.json.decode(self.body)
        return decoded
