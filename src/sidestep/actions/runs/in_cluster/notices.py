"""What happens in a run, as Events: `kubectl get events` tells people who know nothing of journals.

They are no record. One that cannot be written is left out, and a run is not kept waiting by it.
"""

from contextlib import suppress

from sidestep.actions.runs.events import Began, Ended, Ending, Event, Paused, Resumed, Reversing, StepFailed
from sidestep.actions.worlds.cluster.server import Ask, Server
from sidestep.errors import SidestepError

_NORMAL, _WARNING = "Normal", "Warning"
_SHOWN = 1000


class Notices:
    """Of one run, about the ConfigMap that stands for it.

    Args:
        server: of the cluster.
        namespace: in which its records are.
        run: its name.
    """

    def __init__(self, server: Server, namespace: str, run: str) -> None:
        self._server, self._namespace, self._run = server, namespace, run

    def __call__(self, event: Event) -> None:
        """Tell, if people would want to know."""
        said = notice(event)
        if said is None:
            return
        sort, reason, note = said
        at = self._server.time().strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {
            "apiVersion": "v1", "kind": "Event", "metadata": {"generateName": f"sidestep-{self._run}."},
            "involvedObject": {
                "apiVersion": "v1", "kind": "ConfigMap", "namespace": self._namespace, "name": f"sidestep-{self._run}",
            },
            "type": sort, "reason": reason, "message": f"run {self._run}: {note}"[:_SHOWN], "count": 1,
            "firstTimestamp": at, "lastTimestamp": at, "source": {"component": "sidestep"},
        }  # fmt: skip
        with suppress(SidestepError):
            self._server.ask(Ask("POST", f"/api/v1/namespaces/{self._namespace}/events", (), body))


def notice(event: Event) -> tuple[str, str, str] | None:
    """Type, reason and words of an Event; None for what only the journal needs."""
    match event:
        case Began(world=world):
            return _NORMAL, "MigrationBegan", f"a plan is carried out in {world}"
        case Resumed(by=by):
            return _NORMAL, "MigrationResumed", f"{by or 'somebody'} goes on with it"
        case Paused(why=why):
            return _NORMAL, "MigrationPaused", why
        case StepFailed(step=step, why=why):
            return _WARNING, "StepFailed", f"{step}: {why}"
        case Reversing(wave=wave, why=why):
            return _WARNING, "WaveTakenBack", f"wave {wave} is taken back: {why}"
        case Ended(how=Ending.COMPLETED):
            return _NORMAL, "MigrationCompleted", "all its waves are done"
        case Ended(how=how, why=why):
            return _WARNING, "MigrationEnded", f"{how.value}: {why}"
        case _:
            return None
