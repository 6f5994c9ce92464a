"""What parts of the lab and containers of pods wrote: the last lines, and why a process ended."""

import os
import re
from pathlib import Path

from sidestep.errors import WorldError
from sidestep.lab.machine.scratch import Scratch, container_log

_TAIL = 256 * 1024
_REASON_LIMIT = 300
_FRAME = re.compile(r"\]\[backtrace\].*\] (?!Caught)")
"""A line of Envoy's that says where it was when it fell, in numbers; the line before them says what befell it."""


def part_lines(scratch: Scratch, name: str, most: int) -> list[str] | None:
    """The last lines of a process of the lab (`envoy/node-1`, `machine`); None where none is called so."""
    path = scratch.logs / f"{name.replace('/', '-')}.log"
    return _tail(path)[-most:] if path.name.count(".") == 1 and path.exists() else None


def container_lines(scratch: Scratch, uid: str, containers: list[str], most: int) -> list[str]:
    """The last lines of a pod's containers, each with the container's name where there are more than one."""
    lines: list[str] = []
    for each in containers:
        path = container_log(scratch.logs, uid, each)
        told = [*_tail(path.with_suffix(".old")), *_tail(path)][-most:]
        lines += [f"[{each}] {line}" for line in told] if len(containers) > 1 else told
    return lines


def chosen(containers: list[str], name: str, where: str) -> list[str]:
    """The container of a name, or all where none is named.

    Raises:
        WorldError: the pod has none of that name.
    """
    if name and name not in containers:
        remedy = f"name one of {', '.join(containers)}"
        raise WorldError(f"the pod has no container {name!r}", where=where, remedy=remedy)
    return [name] if name else containers


def last_words(scratch: Scratch, name: str) -> str:
    """Why a process ended, as far as anybody can tell: there is no room left, or what it said last."""
    try:
        full = os.statvfs(scratch.root).f_bavail == 0
    except OSError:
        full = False
    if full:
        return f"no space is left in {scratch.root}"
    said = [line.strip() for line in part_lines(scratch, name, 40) or () if line.strip()]
    return next((line[:_REASON_LIMIT] for line in reversed(said) if not _FRAME.search(line)), "")


def _tail(path: Path) -> list[str]:
    """The last lines of a file, without a first one that is cut; none where there is no file."""
    try:
        with path.open("rb") as file:
            skipped = file.seek(max(0, path.stat().st_size - _TAIL))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return []
    return lines[1:] if skipped else lines
