"""How a workload's pods are made anew: what to tell its owner."""

from sidestep.model.metadata import WorkloadRef

_RESTARTABLE = ("Deployment", "StatefulSet", "DaemonSet")
_RUN_TO_THE_END = ("Job", "CronJob")


def restart(ref: WorkloadRef) -> str:
    """The command, or for kinds that `kubectl rollout restart` refuses what to do instead."""
    if ref.kind in _RESTARTABLE:
        return f"restart it: kubectl -n {ref.namespace} rollout restart {ref.kind.lower()}/{ref.name}"
    if ref.kind == "Rollout":
        return f"restart it: kubectl argo rollouts -n {ref.namespace} restart {ref.name}"
    if ref.kind in _RUN_TO_THE_END:
        return "let the pods that run now end; those of the next run are made anew"
    if ref.kind == "Pod":
        return f"delete it and create it again from its manifest: nothing else replaces pod {ref.name}"
    return f"delete its pods one by one, so that {ref.kind} {ref.name} makes new ones"
