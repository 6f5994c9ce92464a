"""Who was there first: what Istio goes by wherever two objects compete."""

from sidestep.model.metadata import Metadata

_NOT_YET = "~"
"""Behind every date: an object without a time of creation is one that is still to be created."""


def created(meta: Metadata) -> str:
    """When an object was created, to be compared as text."""
    return meta.creation_timestamp or _NOT_YET
