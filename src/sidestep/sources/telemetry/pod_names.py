"""What a pod's name tells of its controller, for where nothing better is known.

A ReplicaSet is called like its Deployment with a hash behind, a CronJob's Job with a number of minutes; their pods, and
those of a DaemonSet or Job, have five letters more, and those of a StatefulSet an ordinal. All letters are of a small
alphabet (`SafeEncodeString` and `names.SimpleNameGenerator` in Kubernetes' apimachinery and apiserver).
"""

import re
from enum import StrEnum

from msgspec import Struct

_LETTER = "[bcdfghjklmnpqrstvwxz2456789]"


class Form(StrEnum):
    """How a name was made; the value stands in a label of our queries."""

    DIRECT = ""
    REPLICA_SET = "replicaset"
    CRON_JOB = "cronjob"


PATTERNS = {
    Form.DIRECT: f"(.+)-({_LETTER}{{5}}|[0-9]+)",
    Form.REPLICA_SET: f"(.+)-{_LETTER}{{6,10}}-{_LETTER}{{5}}",
    Form.CRON_JOB: f"(.+)-[0-9]{{8,10}}-{_LETTER}{{5}}",
}
"""Names of pods by form, in RE2's and Python's common tongue; a later form that fits wins."""

KINDS = {
    Form.DIRECT: ("StatefulSet", "DaemonSet", "Job"),
    Form.REPLICA_SET: ("Deployment", "Rollout"),
    Form.CRON_JOB: ("CronJob",),
}
"""Which workloads have pods of such names."""

_COMPILED = {form: re.compile(pattern) for form, pattern in reversed(PATTERNS.items())}


class Stem(Struct, frozen=True):
    """What is left of a pod's name; one namespace's pods of the same stem belong together."""

    namespace: str
    name: str
    form: Form


def stem_of(namespace: str, pod: str) -> Stem | None:
    """The stem of a pod's name; None where it has no such form."""
    for form, pattern in _COMPILED.items():
        match = pattern.fullmatch(pod)
        if match:
            return Stem(namespace, match[1], form)
    return None
