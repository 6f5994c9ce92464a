"""What a run says: into its journal, to whoever hears of it, and into how far it is."""

from collections.abc import Callable

from sidestep.actions.runs.events import Event
from sidestep.actions.runs.journal import Journal
from sidestep.actions.runs.progress import Progress, after, progress
from sidestep.actions.runs.scribe import Scribe


class Teller:
    """Of one run.

    Args:
        journal: of this run; one that was begun is gone on with.
        heard: told of every event.

    Attributes:
        so_far: how far it is, by all that was told.
    """

    def __init__(self, journal: Journal, heard: Callable[[Event], None]) -> None:
        self._journal, self._heard = journal, heard
        self._scribe = Scribe(journal, self._kept)
        self.so_far = Progress()

    def read(self) -> Progress:
        """How far it is, by its journal.

        Raises:
            WorldError: the journal is altered.
        """
        self.so_far = progress(each.event for each in self._journal.entries())
        return self.so_far

    def say(self, event: Event, *, safely: bool = True) -> None:
        """Keep an event and tell it; what must be safe before anything is written is, when this returns.

        What need not be is safe before the next that must.
        """
        if safely:
            self._scribe.tell(event)
        else:
            self._scribe.note(event)
        self._heard(event)

    def suppose(self, event: Event) -> None:
        """Keep what must have been, and nobody saw: it is told to none."""
        self._scribe.note(event)

    def write_out(self) -> None:
        """Write what is not safe yet."""
        self._scribe.write_out()

    def _kept(self, event: Event) -> None:
        self.so_far = after(self.so_far, event)
