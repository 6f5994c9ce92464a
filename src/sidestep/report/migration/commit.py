"""The message of a commit that makes one wave: why, and by what evidence."""

from collections.abc import Iterable, Iterator
from textwrap import fill

from sidestep.actions.stages import BASE, LATE
from sidestep.convert.rewrite import Loss
from sidestep.plan.document import Plan, Wave, WorkloadPlan
from sidestep.prove.proof import Proof
from sidestep.report.conversion.verdict import verdict
from sidestep.report.units import count, money

_SUBJECT = 72
_SHOWN = 12


def message(plan: Plan, stage: str, wave: Wave, proof: Proof | None, losses: Iterable[Loss]) -> str:
    """Subject and body, without trailers.

    Args:
        plan: that the wave is of.
        stage: its name.
        wave: of the plan.
        proof: that the repository then means the same; None where it was not asked for.
        losses: of this stage.
    """
    parts = (_why(plan, wave), _evidence(plan, wave, proof), _lost(tuple(losses)))
    body = "\n\n".join("\n".join(map(_wrapped, lines)) for lines in map(list, parts) if lines)
    return f"{_subject(stage, wave)}\n\n{body}".rstrip()


def _subject(stage: str, wave: Wave) -> str:
    heads = {BASE: "Prepare the move to ambient", LATE: "Settle the move to ambient"}
    text = heads.get(stage, f"Move to ambient, wave {wave.number}: {wave.title}")
    return text if len(text) <= _SUBJECT else f"{text[: _SUBJECT - 1]}…"


def _wrapped(line: str) -> str:
    """As wide as commits are read; the lines of an item stand under its first."""
    return fill(line, _SUBJECT, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _why(plan: Plan, wave: Wave) -> Iterator[str]:
    moved = [each for each in plan.workloads if each.workload in wave.workloads]
    yield from (_workload(each) for each in moved[:_SHOWN])
    if len(moved) > _SHOWN:
        yield f"and {count(len(moved) - _SHOWN, 'workload')} more"
    yield from (f"Why now: {each.text}" for each in wave.constraints[:_SHOWN])


def _workload(each: WorkloadPlan) -> str:
    because = f": {each.reasons[0].text}" if each.reasons else ""
    return f"- {each.workload} ({count(each.pods, 'pod')}) becomes {each.fate.value}{because}"


def _evidence(plan: Plan, wave: Wave, proof: Proof | None) -> Iterator[str]:
    yield verdict(proof) if proof is not None else "Not proved: nobody asked for it."
    after, currency = wave.money, plan.currency
    if after.sidecars is not None:
        yield f"After it, the sidecars that are left request {money(after.sidecars, currency)} a month."
    if after.saved is not None:
        ambient, saved = money(after.ambient, currency), money(after.saved, currency)
        yield f"Ambient requests {ambient}; against today {saved} is saved."
    for each in plan.exposures:
        if each.wave == wave.number:
            yield f"For a while: {each.requests}."


def _lost(losses: tuple[Loss, ...]) -> Iterator[str]:
    """What this wave cannot carry over."""
    yield from (f"Not carried over: {each.object} {each.field}: {each.why}" for each in losses[:_SHOWN])
    if len(losses) > _SHOWN:
        yield f"and {len(losses) - _SHOWN} more"
