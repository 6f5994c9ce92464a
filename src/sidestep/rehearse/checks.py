"""What is asked of a lab after each wave, beside what its gates measure: packets, and the proof of what is seen."""

from collections.abc import Iterator

from sidestep.actions.gates.judging import Answer, Finding
from sidestep.actions.gates.observed import Observer, Read
from sidestep.lab.api import messages as api
from sidestep.lab.api.client import Client
from sidestep.plan.document import Plan
from sidestep.rehearse.result import GateSeen

_FEW = 3


class Checks:
    """Looks at a lab after each wave.

    Args:
        plan: that is carried out.
        speaker: to the lab.
        read: the mesh that the lab is; asked at once for what it is before the plan's first step.
    """

    def __init__(self, plan: Plan, speaker: Client, read: Read) -> None:
        self._speaker = speaker
        self._observer = Observer(plan, read)
        self.together, self.together_back = self._observer.together, self._observer.together_back
        self._seen: dict[int, tuple[tuple[str, Finding], ...]] = {}

    @property
    def found(self) -> tuple[GateSeen, ...]:
        """What was seen at last after each wave."""
        return tuple(
            GateSeen("", wave, name, finding.answer, finding.told)
            for wave, findings in self._seen.items()
            for name, finding in findings
        )

    def after(self, wave: int) -> Finding:
        """Look, once a wave is done; the first that does not hold, or the last."""
        self._seen[wave] = found = tuple(self._all(wave))
        odd = (finding for _, finding in found if finding.answer is not Answer.HOLDS)
        return next(odd, found[-1][1])

    def _all(self, wave: int) -> Iterator[tuple[str, Finding]]:
        yield "capture", self._captured(wave)
        yield "proof", self._observer.after(wave)

    def _captured(self, wave: int) -> Finding:
        """By packets; a pod that ends meanwhile is no witness, so what is odd is looked at again."""
        rows = self._speaker.ask(api.Verify())
        odd = sorted(str(row["pod"]) for row in rows if not row["right"])
        if not odd:
            return Finding(Answer.HOLDS, f"capture: packets of all {len(rows)} pods go where labels say")
        names = ", ".join(odd[:_FEW])
        return Finding(Answer.FAILS, f"capture: after wave {wave} packets of {names} do not go where labels say")
