"""What of an object a proxy cannot be told, said by object and field; everything else of it holds."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from google.protobuf.duration_pb2 import Duration
from msgspec import Struct

from sidestep.controlplane.generators.http.durations import duration
from sidestep.model.metadata import ObjectId
from sidestep.semantics.trees import MalformedError, flag, mapping, mappings, strings, text, whole

_Found = TypeVar("_Found")
_MOST = 2**32 - 1
_LONGEST = 100 * 365 * 24 * 3600


class Remark(Struct, frozen=True):
    """A field that is left out of what proxies are told.

    Attributes:
        object: of which.
        field: its path there.
        why: what was expected.
    """

    object: ObjectId | None
    field: str
    why: str

    def __str__(self) -> str:
        """For people."""
        return f"{self.object}: {self.field}: {self.why}"


class Fields(Struct, frozen=True):
    """A tree that is read field by field: one that cannot be read counts as absent, and is remarked upon.

    Attributes:
        tree: the values.
        of: the object that they are from.
        place: path of the tree in the object.
        remarks: where remarks go.
    """

    tree: Mapping[str, Any]
    of: ObjectId | None
    place: str
    remarks: list[Remark]

    def has(self, name: str) -> bool:
        """Whether a field is set."""
        return self.tree.get(name) is not None

    def under(self, name: str) -> "Fields":
        """The fields of a part; none where it is absent."""
        return Fields(self._read(name, mapping) or {}, self.of, self._path(name), self.remarks)

    def each(self, name: str) -> list["Fields"]:
        """The parts of a list."""
        found = self._read(name, mappings) or []
        return [Fields(part, self.of, f"{self._path(name)}[{at}]", self.remarks) for at, part in enumerate(found)]

    def text(self, name: str) -> str:
        """A text; empty where it is absent."""
        return self._read(name, text) or ""

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        return self._read(name, strings) or ()

    def flag(self, name: str) -> bool | None:
        """A switch."""
        return self._read(name, flag)

    def whole(self, name: str, least: int = 0, most: int = _MOST) -> int | None:
        """A whole number within bounds."""
        return self._read(name, lambda value, field: _within(whole(value, field), least, most))

    def time(self, name: str) -> Duration | None:
        """A time of at least a millisecond."""
        return self._read(name, _time)

    def refuse(self, name: str, why: str) -> None:
        """Remark upon a field."""
        self.remarks.append(Remark(self.of, self._path(name), why))

    def _path(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name

    def _read(self, name: str, read: Callable[[object, str], _Found]) -> _Found | None:
        if not self.has(name):
            return None
        try:
            return read(self.tree[name], self._path(name))
        except MalformedError as error:
            self.remarks.append(Remark(self.of, self._path(name), str(error).removeprefix(f"{self._path(name)}: ")))
            return None


def _within(value: int | None, least: int, most: int) -> int | None:
    if value is not None and not least <= value <= most:
        raise MalformedError(f"expected a number from {least} to {most}, found {value}")
    return value


def _time(value: object, field: str) -> Duration:
    written = text(value, field)
    try:
        found = duration(written)
    except ValueError as error:
        raise MalformedError(f"expected a time such as 1.5s, found {written[:40]!r}") from error
    if found.ToMilliseconds() < 1:
        raise MalformedError(f"expected a time of at least 1ms, found {written[:40]!r}")
    if found.seconds > _LONGEST:
        raise MalformedError(f"expected a time of at most 100 years, found {written[:40]!r}")
    return found
