"""A wave's commands in order, and the way back, each as a page that one goes through from top to bottom."""

from collections.abc import Iterator, Sequence

from sidestep.plan.document import Exposure, Plan, Wave
from sidestep.plan.steps import Restart, Step, reverse
from sidestep.report.markup import escaped, fenced
from sidestep.report.plan.digest import span, steps_of
from sidestep.report.plan.file_names import ROLLBACK, WAVES, file_of, folder
from sidestep.report.plan.kubectl import MANAGER, Shell
from sidestep.report.plan.kustomize import resources_of
from sidestep.report.units import count

_LONGEST = 2_000
_HERE = "Run everything from the folder that holds `plan.json`. Stop where a command fails, and go back as {back} says."
_ASKED = (
    "Nothing asks this for you: it takes curl in the client's own container. `allow` is any answer but 401 and 403, "
    "`deny` is 403 or none. That is what becomes of them today, and what must become of them then."
)
_NOTHING = "Nothing is to be taken back."


def run_page(plan: Plan, wave: Wave) -> str:
    """Forwards: every step of the wave, with what must hold before it and what it does."""
    steps, shell = steps_of(plan, wave.number), Shell(plan)
    back = f"`{folder(ROLLBACK, wave.number)}/run.md`"
    open_now = [each for each in plan.exposures if each.wave == wave.number]
    parts = [
        f"# Wave {wave.number}: {_text(wave.title)}" if wave.title else f"# Wave {wave.number}",
        f"{count(len(steps), 'step')}, {count(len(wave.workloads), 'workload')}, {count(wave.pods, 'pod')}.",
        _HERE.format(back=back),
        *_windows(open_now),
        *(part for step in steps for part in _forwards(step, shell)),
        *_by_hand(wave, shell),
        *_at_once(steps, wave.number),
    ]
    return "\n\n".join(parts) + "\n"


def rollback_page(plan: Plan, wave: Wave) -> str:
    """Backwards: every step that has a way back, in the order in which they are taken back."""
    shell = Shell(plan)
    parts = [f"# Back from wave {wave.number}", _HERE.split(". ", maxsplit=1)[0] + "."]
    back = [part for step in rollback_steps(plan, wave) for part in _back(step, shell)]
    return "\n\n".join([*parts, *(back or [_NOTHING])]) + "\n"


def rollback_steps(plan: Plan, wave: Wave) -> tuple[Step, ...]:
    """Steps that can be taken back: those that the wave tells, then the rest: last first, and restarts at the end."""
    own = {step.id: step for step in steps_of(plan, wave.number) if reverse(step.effect) is not None}
    order = {each: at for at, each in enumerate(own)}
    told = list(dict.fromkeys(each for each in wave.rollback if each in own))
    rest = sorted(own.keys() - told, key=lambda each: (isinstance(own[each].effect, Restart), -order[each]))
    return tuple(own[each] for each in (*told, *rest))


def _forwards(step: Step, shell: Shell) -> Iterator[str]:
    yield f"## {_text(step.id)}: {_text(step.description)}"
    told = [
        *(f"- Must hold before: {_text(each)}" for each in step.preconditions),
        *([f"- After: {_text(', '.join(step.after))}"] if step.after else []),
        *([f"- What it does: {_text(step.predicts)}"] if step.predicts else []),
        *([f"- Why: {_text(', '.join(map(str, step.because)))}"] if step.because else []),
    ]
    if told:
        yield "\n".join(told)
    yield fenced(shell.lines(step.effect, file_of(WAVES, step, step.effect)), "sh")


def _back(step: Step, shell: Shell) -> Iterator[str]:
    effect = reverse(step.effect)
    if effect is not None:
        yield f"## Back from {_text(step.id)}: {_text(step.description)}"
        yield fenced(shell.lines(effect, file_of(ROLLBACK, step, effect)), "sh")


def _windows(exposures: Sequence[Exposure]) -> Iterator[str]:
    if exposures:
        yield "\n".join(f"> **Window**: {_text(span(each))}: {_text(each.requests)}" for each in exposures)


def _by_hand(wave: Wave, shell: Shell) -> Iterator[str]:
    if wave.probes:
        yield "## Then ask by hand"
        yield _ASKED
        yield fenced([line for each in wave.probes for line in shell.lines(each, "")], "sh")


def _at_once(steps: Sequence[Step], wave: int) -> Iterator[str]:
    if resources_of(steps):
        yield "## Or all manifests at once"
        yield "Without the waits, measurements and restarts between the steps, for a cluster in which nothing runs yet."
        yield fenced([f"kubectl apply --server-side --field-manager={MANAGER} -k {folder(WAVES, wave)}"], "sh")


def _text(text: str) -> str:
    return escaped(text, _LONGEST)
