"""Manifests as verbs of the lab are given them."""

from collections.abc import Sequence
from typing import Any

from sidestep.cli.options import SourceOptions
from sidestep.cli.reading import Manner, read_mesh
from sidestep.lab.cluster.intake import objects_of

_TIMEOUT = 60.0


def objects_in(files: Sequence[str], manner: Manner) -> tuple[dict[str, Any], ...]:
    """The objects of files, folders or `-`; none of none.

    Raises:
        WorldError: nothing at all can be read.
    """
    if not files:
        return ()
    source = SourceOptions(tuple(files), None, None, (), "", _TIMEOUT)
    return objects_of(read_mesh(source, manner, require_complete=False))
