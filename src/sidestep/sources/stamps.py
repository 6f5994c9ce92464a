"""By what it is told, without reading a file, that it is as it was."""

import os

Stamp = tuple[int, ...] | None
"""Device, inode, mode, size and times of a file or folder; None where there is none."""
_GRAIN = 2_000_000_000
"""Nanoseconds within which two changes may get the same time: file systems differ, two seconds are the coarsest."""


def stamp_of(path: str) -> Stamp:
    """Of a file, or of what a link leads to."""
    try:
        found = os.stat(path)  # noqa: PTH116 - thousands of them, twice a second
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_mode, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def is_settled(stamp: Stamp, now: int) -> bool:
    """Whether what changes after a moment, in nanoseconds of the epoch, surely gets another stamp."""
    return stamp is None or max(stamp[-2:]) + _GRAIN < now


def may_hide_another(stamp: Stamp, seen: int, now: int) -> bool:
    """Whether what changed right after it was seen may have this stamp still, and that can be told by now."""
    return not is_settled(stamp, seen) and is_settled(stamp, now)
