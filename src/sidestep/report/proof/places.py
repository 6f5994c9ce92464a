"""Where code-scanning tools should point for a counterexample: the objects that it names, where they were read."""

import re

from sidestep.model.metadata import ObjectId
from sidestep.model.origin import FileOrigin
from sidestep.prove.findings import DecidingObject
from sidestep.prove.proof import Proof

_REVISION = re.compile(r"git:(?:[^:{]|\{[^}]*\})+:")
_DESTINATION = re.compile(r" to (\S+):\d+")


def named_in(text: str, proof: Proof) -> list[DecidingObject]:
    """Objects of the proof that words name: those that decide before workloads, and those in files before others."""
    found = [each for each in proof.objects if re.search(rf"{re.escape(str(each.object))}(?![\w.-])", text)]
    return sorted(found, key=lambda each: (not isinstance(each.origin, FileOrigin), each.object.kind in _WORKLOADS))


_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Rollout", "Job", "CronJob", "Pod"})


def place_of(each: DecidingObject) -> tuple[str, int]:
    """File and line, of a revision as in the repository; a stable made-up path for what lives in a cluster."""
    if isinstance(each.origin, FileOrigin):
        return _REVISION.sub("", each.origin.path).removeprefix("./"), max(each.origin.line, 1)
    return made_up(each.object), 1


def made_up(named: ObjectId) -> str:
    """A path for an object that stands in no file."""
    return f"cluster/{named.namespace or '_cluster'}/{named.kind}/{named.name}.yaml"


def dialled(request: str) -> str:
    """What is dialled, of a way in words."""
    found = _DESTINATION.findall(request)
    return str(found[-1]) if found else "mesh"
