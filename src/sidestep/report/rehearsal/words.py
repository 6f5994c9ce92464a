"""A rehearsal in sentences, for every form in which it is told."""

from collections.abc import Iterator, Mapping

from sidestep.actions.gates.judging import Answer
from sidestep.actions.runs.events import Ending
from sidestep.plan.wording import many
from sidestep.rehearse.result import Part, Rehearsal, Used, Wrong

_MIB = 2**20
_FEW = 3
_KINDS = {
    "sidecar": "pods with a sidecar", "ambient": "ambient pods", "plain": "pods outside of the mesh",
    "gateway": "waypoints and gateways",
}  # fmt: skip


def verdict(rehearsal: Rehearsal) -> Iterator[str]:
    """Whether it went well."""
    total = rehearsal.total
    match rehearsal.ended:
        case Ending.COMPLETED:
            yield "The plan was carried out" + _back(rehearsal.taken_back)
        case Ending.REVERSED:
            yield f"The plan was not carried out, and its wave was taken back: {rehearsal.why}"
        case Ending.STOPPED | Ending.PAUSED:
            yield f"The plan stopped half-way: {rehearsal.why}"
    yield (
        f"{total.sent:,} requests that are answered today: {total.lost:,} lost. "
        f"{total.probed:,} that are refused today: {total.admitted:,} admitted."
    )
    yield from _named(rehearsal)
    yield from _merged(rehearsal)
    yield from _late(rehearsal)
    yield from _foretold(rehearsal)
    yield from _gates(rehearsal)


def _named(rehearsal: Rehearsal) -> Iterator[str]:
    """How many of those that went wrong the plan's states had named, and whether anybody is known to send such."""
    wrong = rehearsal.total.lost + rehearsal.total.admitted
    named = sum(each.foretold for each in rehearsal.wrong)
    known = sum(each.foretold for each in rehearsal.wrong if each.called)
    if named:
        count = "All of these" if named == wrong else f"Of these {wrong:,}, {named:,}"
        calls = f"{known:,} of them are calls that are known" if known else "no call that is known is among them"
        yield f"{count} are decided so by the plan's states, at the time when they came; {calls}."


def _merged(rehearsal: Rehearsal) -> Iterator[str]:
    """That not all of the mesh was there."""
    count = sum(len(each.stands_for) for each in rehearsal.stand_ins)
    if count == 1:
        yield "1 workload was not rehearsed by itself: another of its shape stood for it."
    elif count:
        yield f"{count:,} workloads were not rehearsed by themselves: others of their shape stood for them."


def _late(rehearsal: Rehearsal) -> Iterator[str]:
    """Whether the machine itself may have lost requests."""
    late = rehearsal.late
    if late is None or not rehearsal.total.lost:
        return
    seconds = f"{late.seconds} of {len(rehearsal.timeline)} seconds"
    yield (
        f"This machine was late itself in {seconds}, by up to {late.longest:.1f} s: {late.lost:,} of the lost requests "
        "were due around then, and tell nothing of the plan. Rehearse with less --rate, or where nothing else runs."
    )


def _back(taken_back: Ending | None) -> str:
    if taken_back is None:
        return "."
    return ", and taken back." if taken_back is Ending.REVERSED else ", but could not be taken back."


def _foretold(rehearsal: Rehearsal) -> Iterator[str]:
    """Whether the plan's states said beforehand what happened."""
    steps = [part for part in rehearsal.parts if part.wave is not None]
    if not steps:
        return
    odd = [part for part in rehearsal.unforetold if part.wave is not None]
    expected = sum(1 for part in steps if part.foretold)
    if odd:
        first = f"{'back ' if odd[0].back else ''}{odd[0].name}"
        yield f"In {len(odd)} of {len(steps)} steps it was otherwise than the plan's states foretell, in {first} first."
    elif expected:
        yield f"In {expected} of {len(steps)} steps the plan's states foretell that requests are decided otherwise."
    else:
        yield f"As the plan's states foretell of each of {len(steps)} steps."


def _gates(rehearsal: Rehearsal) -> Iterator[str]:
    if not rehearsal.gates:
        return
    fail, unknown = rehearsal.answers(Answer.FAILS), rehearsal.answers(Answer.NOT_YET)
    hold = len(rehearsal.gates) - len(fail) - len(unknown)
    if fail:
        names = ", ".join(sorted({f"{each.name} of wave {each.wave}" for each in fail}))
        yield f"It would not pass its gates: {names}."
    elif unknown:
        names = ", ".join(sorted({each.name for each in unknown}))
        yield f"{hold} of {len(rehearsal.gates)} gates hold; too few requests tell of the others: {names}."
    else:
        yield f"It would pass its gates: all {hold} hold."


def figures(rehearsal: Rehearsal) -> Iterator[str]:
    """What proxies, pods and the month cost, before and after."""
    yield from proxies(rehearsal)
    for kind, each in rehearsal.starts.items():
        yield (
            f"{_KINDS.get(kind, kind)} were ready after {each.seconds:.1f} s "
            f"({each.pods} pods, the slowest {each.slowest:.1f} s)"
        )
    money = rehearsal.money
    if money is not None:
        yield f"proxies cost {money.before:,.2f} {money.currency} a month before the plan, and {money.after:,.2f} after"


def proxies(rehearsal: Rehearsal) -> Iterator[str]:
    """What they use, a sentence for each role."""
    for role in sorted(rehearsal.before.keys() | rehearsal.after.keys()):
        before, after = used(rehearsal.before, role), used(rehearsal.after, role)
        yield f"{role} proxies: {before} before, {after} after"


def used(by_role: Mapping[str, Used], role: str) -> str:
    """What proxies of a role used."""
    found = by_role.get(role)
    if found is None or not found.processes:
        return "none"
    return f"{found.processes} with {found.cores * 1000:.0f}m CPU and {found.memory / _MIB:.0f} MiB"


def faults(rehearsal: Rehearsal) -> Iterator[str]:
    """What each fault cost."""
    for each in rehearsal.faults:
        counted = each.counted
        cost = f"{counted.lost:,} lost, {counted.admitted:,} admitted"
        if each.recovered:
            cost += f", until {each.recovered:.1f} s after it"
        yield f"fault {each.fault} in wave {each.wave}, at {each.at:.1f} s: {each.told}: {cost}"


def windows(rehearsal: Rehearsal) -> Iterator[str]:
    """Exposures that the plan names, and what was seen of them."""
    for each in rehearsal.windows:
        expected = "for good" if each.foretold is None else f"for about {each.foretold} s"
        seen = f"{each.wrong:,} requests went wrong" if each.wrong else "no request went wrong"
        yield f"wave {each.wave}: {each.requests}: foretold {expected}; in the {each.seconds:.0f} s here {seen}"


def stand_ins(rehearsal: Rehearsal) -> Iterator[str]:
    """Who stood for whom, every one by name; all are of one kind and namespace."""
    for each in rehearsal.stand_ins:
        names = ", ".join(name.rpartition("/")[2] for name in each.stands_for)
        steps = f" and {many(len(each.steps), 'step')} of the plan" if each.steps else ""
        left_out = f"{many(len(each.left_out), 'object')}{steps}"
        yield f"{each.workload} stood for {len(each.stands_for):,} more, without {left_out}: {names}"


def agreement(part: Part) -> str:
    """What the plan's states said of a step, and whether it was so."""
    if part.unforetold:
        return f"not foretold: {_few(part.unforetold)}"
    if not part.foretold:
        return f"{part.late:,} lost while this machine was late" if part.late else ""
    seen = "and met" if part.counted.lost or part.counted.admitted else "and not met"
    return f"foretold, {seen}: {_few(part.foretold)}"


def _few(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _FEW} more" if len(names) > _FEW else ""
    return "; ".join(names[:_FEW]) + more


def manner(wrong: Wrong) -> str:
    """How it went wrong, and whether the plan's states had named it."""
    detail = f": {wrong.detail}" if wrong.detail else ""
    if not wrong.foretold:
        return f"{wrong.how}{detail}"
    return f"{wrong.how}{detail}, as foretold" + (f" of {wrong.foretold:,}" if wrong.foretold < wrong.count else "")
