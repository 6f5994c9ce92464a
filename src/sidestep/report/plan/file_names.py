"""Names of a plan's files: made of names of steps and objects, and yet no path that leads anywhere else."""

import hashlib
import re

from sidestep.model.metadata import ObjectId
from sidestep.plan.steps import Apply, Patch, SetLabels, Step

WAVES, ROLLBACK = "waves", "rollback"
_OTHER = re.compile(r"[^a-z0-9.-]+")
_ENDS = ".-"
_DOTS = re.compile(r"\.{2,}")
_LONGEST_ID, _LONGEST_OBJECT = 40, 80

Written = SetLabels | Patch | Apply
"""Effects that stand in a file of their own."""


def folder(area: str, wave: int) -> str:
    """Of a wave: `waves/02`."""
    return f"{area}/{wave:02}"


def step_name(step: Step) -> str:
    """A name that no other step of the plan has, on any file system, whatever letters the id is made of."""
    name = _safe(step.id, _LONGEST_ID)
    return name if name == step.id else f"{name}-{_digest(step.id)}".lstrip(_ENDS)


def written_path(area: str, step: Step, effect: Written) -> str:
    """Where the manifest or patch of an effect stands.

    Patches stand a folder below, so that whoever applies all files of a wave's folder does not apply half objects.
    """
    inner = "" if isinstance(effect, Apply) else "patches/"
    return f"{folder(area, step.wave)}/{inner}{step_name(step)}-{_object(effect.object)}.yaml"


def file_of(area: str, step: Step, effect: object) -> str:
    """Where an effect's file stands; empty for one that has none."""
    return written_path(area, step, effect) if isinstance(effect, Written) else ""


def _object(named: ObjectId) -> str:
    parts = (_safe(part, _LONGEST_OBJECT) for part in (named.kind, named.namespace, named.name))
    return "-".join(part for part in parts if part)[:_LONGEST_OBJECT].strip(_ENDS) or "object"


def _safe(text: str, longest: int) -> str:
    return _DOTS.sub(".", _OTHER.sub("-", text.lower()))[:longest].strip(_ENDS)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:8]
