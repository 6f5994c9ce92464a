"""What a reader of documents yields: objects' JSON with their place, or what could not be read."""

from collections.abc import Iterator

from msgspec import Raw, Struct

from sidestep.model.gaps import Gap, Remark
from sidestep.model.origin import FileOrigin
from sidestep.sources.objects.builder import TypeMeta
from sidestep.sources.objects.pods import WirePod

Documents = dict[tuple[str, int], bytes]
"""What documents say that are one object each, as JSON, by the path of their file and their number in it."""


class Items(Struct, frozen=True):
    """Objects that follow each other: one, or a stretch of a list.

    Attributes:
        raws: the JSON of each.
        origin: where the first starts.
        lines: the line of each, where they are not all on one.
        declared: what they are, where the list around them says what they leave out.
        whole: whether it is one that is all that its document says.
    """

    raws: list[bytes] | list[Raw]
    origin: FileOrigin
    lines: list[int] | None = None
    declared: TypeMeta | None = None
    whole: bool = False

    def __iter__(self) -> Iterator[tuple[bytes | Raw, FileOrigin]]:
        """Each object with its place."""
        if self.lines is None:
            return ((raw, self.origin) for raw in self.raws)
        path, document = self.origin.path, self.origin.document
        return ((raw, FileOrigin(path, line, document)) for raw, line in zip(self.raws, self.lines, strict=True))


class Pods(Struct, frozen=True):
    """A stretch of a list that holds nothing but pods, on one line."""

    wires: list[WirePod]
    origin: FileOrigin


Read = Items | Pods | Gap | Remark
