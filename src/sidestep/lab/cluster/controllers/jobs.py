"""Jobs: pods that run until as many as wanted have succeeded."""

from collections.abc import Sequence

from sidestep.lab.cluster.controllers.wants import Wants
from sidestep.lab.cluster.objects import Tree, digest, meta_of, spec_of
from sidestep.lab.cluster.pods import is_finished, is_leaving, phase
from sidestep.lab.cluster.templates import pod

_JOB_NAME = "batch.kubernetes.io/job-name"
_TRIES = 6


def job(owner: Tree, pods: Sequence[Tree]) -> Wants:
    """What a Job wants."""
    done = sum(phase(each) == "Succeeded" for each in pods)
    failed = sum(phase(each) == "Failed" for each in pods)
    active = [each for each in pods if not is_finished(each) and not is_leaving(each)]
    status: Tree = {"active": len(active), "succeeded": done, "failed": failed}
    completions = _number(owner, "completions", 1)
    if done >= completions:
        return Wants(status={**status, "conditions": [{"type": "Complete", "status": "True"}]})
    if failed > _number(owner, "backoffLimit", _TRIES):
        return Wants(status={**status, "conditions": [{"type": "Failed", "status": "True"}]})
    lacking = min(_number(owner, "parallelism", 1), completions - done) - len(active)
    name = str(meta_of(owner)["name"])
    made = (f"{name}-{digest(name, str(len(pods) + turn), length=5)}" for turn in range(max(0, lacking)))
    return Wants(create=tuple(pod(owner, each, {_JOB_NAME: name}) for each in made), status=status)


def _number(owner: Tree, field: str, default: int) -> int:
    number = spec_of(owner).get(field, default)
    return number if isinstance(number, int) else default
