"""The lines of a snapshot file."""

from msgspec import Raw, Struct

from sidestep.model.gaps import Gap, Remark
from sidestep.model.mesh import SourceInfo
from sidestep.model.origin import Origin

API_VERSION = "sidestep.dev/v1"
FORMAT_VERSION = 1
MANIFEST = "Snapshot"
TRAILER = "SnapshotEnd"


class Header(Struct, rename="camel"):
    """What tells a snapshot from any other file, whatever its version."""

    api_version: str = ""
    kind: str = ""
    format_version: int = 0


class Manifest(Struct, frozen=True, rename="camel", kw_only=True):
    """The first line.

    Attributes:
        tool_version: of the sidestep that wrote it.
        created: RFC 3339.
        source: what was read; the name is hashed where names are.
        counts: objects by `Kind.key`, those of unknown kinds under `others`.
        left_out: objects that a snapshot does not take, by `Kind.key`.
        skipped_secrets: Secrets met when the mesh was read.
        hashed: whether names, label values and hosts are keyed hashes.
    """

    api_version: str = API_VERSION
    kind: str = MANIFEST
    format_version: int = FORMAT_VERSION
    tool_version: str
    created: str
    source: SourceInfo
    counts: dict[str, int] = {}
    left_out: dict[str, int] = {}
    skipped_secrets: int = 0
    hashed: bool = False
    gaps: tuple[Gap, ...] = ()
    remarks: tuple[Remark, ...] = ()


class Line(Struct, frozen=True, gc=False):
    """One object; an opaque one is of a kind nobody knows or did not fit its kind, and is reduced to its metadata."""

    origin: Origin
    object: Raw
    opaque: bool = False


class Trailer(Struct, frozen=True, rename="camel", kw_only=True):
    """The last line: how many objects there are, and the checksum of every byte before it."""

    api_version: str = API_VERSION
    kind: str = TRAILER
    count: int
    sha256: str
