"""How paths are normalised, by the names of meshConfig."""

from enum import StrEnum


class PathNormalisation(StrEnum):
    """What a proxy does to a path before it judges and forwards it."""

    NONE = "NONE"
    BASE = "BASE"
    MERGE_SLASHES = "MERGE_SLASHES"
    DECODE_AND_MERGE_SLASHES = "DECODE_AND_MERGE_SLASHES"
