"""What a reader of documents yields: an object's JSON and its place, or what could not be read."""

from msgspec import Raw, Struct

from sidestep.model.gaps import Gap, Remark
from sidestep.model.origin import FileOrigin
from sidestep.sources.objects.builder import TypeMeta


class Item(Struct, frozen=True, gc=False):
    """One object; `declared` where the list around it says the type that the item leaves out."""

    raw: bytes | Raw
    origin: FileOrigin
    declared: TypeMeta | None = None


Read = Item | Gap | Remark
