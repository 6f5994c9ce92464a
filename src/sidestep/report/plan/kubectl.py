"""The steps of a plan as command lines for a POSIX shell. Every part that came from outside is quoted."""

from collections.abc import Iterator
from shlex import quote
from typing import assert_never

from sidestep.model.kinds import DAEMON_SET, DEPLOYMENT, ROLLOUT, STATEFUL_SET
from sidestep.plan.document import Plan
from sidestep.plan.install.render import one_line
from sidestep.plan.steps import Apply, Delete, Effect, Gate, Patch, Probe, Restart, SetLabels, Wait
from sidestep.report.plan.arguments import object_target, target
from sidestep.report.plan.waits import wait_commands
from sidestep.report.units import window

MANAGER = "sidestep"
"""Field manager of what is applied: another tool's fields stay that tool's."""
_ROLLED = {kind.name: kind.key for kind in (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)}
_ROLLOUT_SECONDS = 600
_PROBE_SECONDS = 5
_NOW = '\'{"spec":{"restartAt":"\'"$(date -u +%Y-%m-%dT%H:%M:%SZ)"\'"}}\''
_OTHERWISE = {
    "CronJob": "nothing to restart, its next run takes the change",
    "Job": "runs to its end as it is; what is run anew takes the change",
    "Pod": "nobody makes it anew: delete it and apply it again",
}


class Shell:
    """Writes command lines for the steps of one plan."""

    def __init__(self, plan: Plan) -> None:
        self._kinds = {(row.workload.namespace, row.workload.name): row.workload.kind for row in plan.workloads}

    def lines(self, effect: Effect, path: str) -> tuple[str, ...]:
        """Lines that do what an effect says; a comment where no command can.

        Args:
            effect: the effect.
            path: of the file with its manifest or patch, relative to where the commands are run.
        """
        return tuple(one_line(line) for line in self._lines(effect, path))

    def _lines(self, effect: Effect, path: str) -> Iterator[str]:
        match effect:
            case SetLabels() | Patch():
                yield f"kubectl patch {object_target(effect.object)} --type merge --patch-file {quote(path)}"
            case Apply():
                force = " --force-conflicts" if effect.before is not None else ""
                yield f"kubectl apply --server-side --field-manager={MANAGER}{force} --filename {quote(path)}"
            case Delete():
                yield f"kubectl delete {object_target(effect.object)} --ignore-not-found"
            case Restart():
                yield from _restart(effect)
            case Wait():
                yield from wait_commands(effect)
            case Gate():
                yield from _gate(effect)
            case Probe():
                yield from self._probe(effect)
            case _:
                assert_never(effect)

    def _probe(self, effect: Probe) -> Iterator[str]:
        """By curl in the client's own container, which not every image has."""
        space, _, name = effect.client.rpartition("/")
        kind = self._kinds.get((space, name), "")
        client = target(_ROLLED.get(kind, DEPLOYMENT.key), space, name)
        asked = quote(f"telnet://{effect.to}:{effect.port}")
        if effect.method:
            address = quote(f"http://{effect.to}:{effect.port}{effect.path or '/'}")
            told = "--output /dev/null --write-out '%{http_code}\\n'"
            asked = f"{told} --request {quote(effect.method)} {address}"
        yield f"# expect: {effect.expect}"
        yield f"kubectl exec {client} -- curl --silent --show-error --max-time {_PROBE_SECONDS} {asked}"


def _restart(effect: Restart) -> Iterator[str]:
    ref = effect.workload
    if ref.kind in _ROLLED:
        named = target(_ROLLED[ref.kind], ref.namespace, ref.name)
        if not effect.effect_only:
            yield f"kubectl rollout restart {named}"
        yield f"kubectl rollout status {named} --timeout={_ROLLOUT_SECONDS}s"
    elif ref.kind == ROLLOUT.name:
        named = target(ROLLOUT.key, ref.namespace, ref.name)
        if not effect.effect_only:
            yield f"kubectl patch {named} --type merge --patch {_NOW}"
        yield f"kubectl wait {named} --for=jsonpath='{{.status.phase}}'=Healthy --timeout={_ROLLOUT_SECONDS}s"
    else:
        yield f"# {ref}: {_OTHERWISE.get(ref.kind, 'restart its pods by what made them')}"


def _gate(effect: Gate) -> Iterator[str]:
    over = window(effect.window_seconds)
    yield f"# over {over}: {effect.query.replace('$window', over)}"
    asked = f"{effect.comparison.value} {effect.threshold:g}, with confidence {effect.confidence:g}"
    yield f"# must be {asked}" if effect.stops else f"# should be {asked}; go on when that time is over"
