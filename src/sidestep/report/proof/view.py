"""What every format tells of a proof: the verdict in a line, counterexamples by what they do, and what was accepted."""

import shlex
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from sidestep.explain.answer import NOT_READ
from sidestep.prove.findings import InvariantResult, Standing
from sidestep.prove.proof import Conclusion, Counterexample, Direction, Proof, Side, Undecided
from sidestep.report.explanation.stops import Sign
from sidestep.report.places import page
from sidestep.report.units import count

_SIGNS = {Conclusion.EQUAL: Sign.ALLOW, Conclusion.DIFFERS: Sign.DENY, Conclusion.UNDECIDED: Sign.UNKNOWN}
_STANDING = {Standing.HOLDS: Sign.ALLOW, Standing.VIOLATED: Sign.DENY, Standing.UNDECIDED: Sign.UNKNOWN}
_ALONE = {Conclusion.EQUAL: "holds", Conclusion.DIFFERS: "violated", Conclusion.UNDECIDED: "undecided"}
"""Of invariants that are asked of one mesh."""
_VIOLATED = "equal, but not every invariant holds"
_UNREAD = ("someone", "outside", "node")
"""Clients that stand for many, and that nobody finds in their files."""
_RANK = {direction: rank for rank, direction in enumerate(Direction)}
_WAYS = 3
"""Of one reason, where many are undecided by it; the document has all."""
MEANINGS = {
    "open": "refused before, admitted after",
    "closed": "admitted before, refused after",
    "route": "admitted by both, sent elsewhere or changed on the way",
    "seen": "admitted by both, and the application or an audit sees something else",
    "shape": "refused by both, and the client sees another refusal",
}


class SideView(Struct, frozen=True):
    """What one mesh does with a request.

    Attributes:
        head: `before` or `after`, and what.
        sign: of its answer.
        verdict: in words, with the shape of a refusal.
        why: in a sentence.
        path: stops in order.
    """

    head: str
    sign: Sign
    verdict: str
    why: str
    path: tuple[str, ...]


class ExampleView(Struct, frozen=True):
    """One counterexample.

    Attributes:
        direction: what the difference does.
        meaning: the direction in words.
        request: in words.
        step: after which it holds; empty for two meshes.
        sides: before and after.
        pages: codes of differences with the address of their pages.
        command: that asks it again; empty where there is none.
        accepted: why it is; empty where it is not.
        changed: what is done otherwise to one that both admit.
        likewise: who else is answered in the same way, to the same request.
    """

    direction: str
    meaning: str
    request: str
    step: str
    sides: tuple[SideView, ...]
    pages: tuple[tuple[str, str], ...]
    command: str
    accepted: str
    changed: tuple[str, ...] = ()
    likewise: tuple[str, ...] = ()


class InvariantView(Struct, frozen=True):
    """One invariant.

    Attributes:
        sign: whether it holds.
        name: of it.
        text: the assertion, where the name is another.
        lines: what became of it.
        path: stops of a request that violates it.
        command: that asks that request again.
    """

    sign: Sign
    name: str
    text: str
    lines: tuple[str, ...]
    path: tuple[str, ...] = ()
    command: str = ""


class ProofView(Struct, frozen=True):
    """A whole proof.

    Attributes:
        sign: of the verdict.
        title: what was asked.
        verdict: one word.
        line: the verdict with what was compared.
        what: names of what was compared.
        examples: that nobody accepts, the worst first.
        accepted: reasons with how many counterexamples each accepts.
        undecided: ways with reasons.
        findings: of the file of accepted differences.
        invariants: in their order.
        assumptions: what it rests on.
    """

    sign: Sign
    title: str
    verdict: str
    line: str
    what: str
    examples: tuple[ExampleView, ...]
    accepted: tuple[str, ...]
    undecided: tuple[str, ...]
    findings: tuple[str, ...]
    invariants: tuple[InvariantView, ...]
    assumptions: tuple[str, ...]


def view(proof: Proof) -> ProofView:
    """What to tell."""
    ordered = proof.worst_first()
    reasons = Counter(each.accepted for each in ordered if each.accepted)
    return ProofView(
        _SIGNS[proof.verdict],
        _title(proof),
        _word(proof),
        verdict_line(proof),
        compared(proof),
        tuple(_examples([each for each in ordered if not each.accepted])),
        tuple(f"{reason}: {count(number, 'request')}" for reason, number in reasons.items()),
        tuple(_undecided(proof.undecided)),
        tuple(f"{each.code} {each.entry}: {each.message}; to fix: {each.fix}" for each in proof.findings),
        tuple(map(_invariant, proof.invariants)),
        proof.assumptions,
    )


def _examples(found: list[Counterexample]) -> Iterator[ExampleView]:
    """One of those that differ by their clients alone, with the clients of the others; of who was read first."""
    groups: dict[object, list[Counterexample]] = {}
    for each in sorted(found, key=lambda each: (_RANK[each.direction], each.subject.who.partition(" ")[0] in _UNREAD)):
        sides = tuple((side.verdict, side.shape) for side in (each.before, each.after))
        asked = each.request.removeprefix(each.subject.who)
        alike = (each.direction, each.step, asked, sides, each.differences, each.changed)
        groups.setdefault(alike, []).append(each)
    for first, *others in groups.values():
        who = dict.fromkeys(each.subject.who for each in others)
        yield replace(example_view(first), likewise=tuple(each for each in who if each != first.subject.who))


def likewise(who: tuple[str, ...], most: int) -> str:
    """In a line; empty for nobody."""
    more = f" and {len(who) - most:,} more" if len(who) > most else ""
    return f"likewise {', '.join(who[:most])}{more}" if who else ""


def _undecided(found: tuple[Undecided, ...]) -> Iterator[str]:
    """What stands in the way, once, with the ways on which it does."""
    by_reason: dict[str, list[str]] = {}
    for each in found:
        by_reason.setdefault(each.reason, []).append(f"{each.where}{after(each.step)}")
    for reason, ways in by_reason.items():
        shown = "; ".join(ways[:_WAYS])
        more = f"; and {len(ways) - _WAYS:,} more" if len(ways) > _WAYS else ""
        yield f"{ways[0]}: {reason}" if len(ways) == 1 else f"{reason}: on {len(ways):,} ways: {shown}{more}"


def verdict_line(proof: Proof) -> str:
    """The verdict, and on what it was reached."""
    parts = "; ".join(_parts(proof))
    word = _word(proof)
    return f"{word}{_states(proof)}: {parts}" if parts else word


def _word(proof: Proof) -> str:
    """The verdict in a word."""
    if _is_alone(proof):
        return _ALONE[proof.verdict]
    return _VIOLATED if _is_only_violated(proof) else proof.verdict.value


def _is_only_violated(proof: Proof) -> bool:
    """Whether nothing but invariants keeps meshes from being equal."""
    differs = proof.more or proof.undecided or any(not each.accepted for each in proof.counterexamples)
    return proof.verdict is Conclusion.DIFFERS and not differs


def _is_alone(proof: Proof) -> bool:
    """Whether invariants alone were asked."""
    return len(proof.compared) == 1 and bool(proof.invariants)


def _title(proof: Proof) -> str:
    if _is_alone(proof):
        return "Do the invariants hold?"
    return "Do both mean the same?" if len(proof.compared) < 3 else "Do all states mean the same?"


def compared(proof: Proof) -> str:
    """What was compared, in a few words."""
    names = proof.compared
    if len(names) < 2:
        return names[0] if names else ""
    return f"{names[0]} and {names[1]}" if len(names) == 2 else f"{names[0]} and {count(len(names) - 1, 'later state')}"


def after(step: str) -> str:
    """When it holds."""
    return f" (after {step})" if step else ""


def example_view(each: Counterexample) -> ExampleView:
    """One counterexample."""
    return ExampleView(
        each.direction.value,
        MEANINGS.get(each.direction.value, ""),
        each.request,
        each.step,
        (_side("before", each.before), _side("after", each.after)),
        tuple((code, page(f"differences/{code}.md")) for code in each.differences),
        command(each.command),
        each.accepted,
        each.changed,
    )


def command(arguments: tuple[str, ...]) -> str:
    """What to type; nothing for none."""
    return shlex.join(("sidestep", "explain", *arguments)) if arguments else ""


def _states(proof: Proof) -> str:
    if proof.states < 2 or proof.verdict is Conclusion.UNDECIDED:
        return ""
    if proof.verdict is Conclusion.EQUAL:
        return f" in all {proof.states:,} states"
    steps = {each.step for each in proof.counterexamples if not each.accepted}
    first = next((name for name in proof.compared if name in steps), "")
    return f", first after {first}" if first else ""


def _parts(proof: Proof) -> Iterator[str]:
    asked = f"{count(proof.ways, 'way')}, {count(proof.requests, 'request')} stood for all" if proof.ways else ""
    if asked and proof.verdict is Conclusion.EQUAL:
        yield asked
    if len(proof.compared) == 1 and not proof.invariants:
        yield "no state was compared, for the plan changes nothing"
    directions = Counter(each.direction.value for each in proof.worst_first() if not each.accepted)
    if directions:
        told = ", ".join(f"{number:,} {direction}" for direction, number in directions.items())
        more = f" and {proof.more:,} more" if proof.more else ""
        early = ", and then nothing more was asked" if proof.ended_early else ""
        yield f"{count(directions.total(), 'counterexample')} ({told}){more}{early}"
    accepted = sum(bool(each.accepted) for each in proof.counterexamples)
    if accepted:
        yield f"{accepted:,} accepted"
    if proof.undecided:
        yield f"{count(len(proof.undecided), 'way')} undecided"
    yield from _invariant_parts(proof)
    if asked and proof.verdict is not Conclusion.EQUAL:
        yield asked
    if any(each.startswith(NOT_READ) for each in proof.assumptions):
        yield "not everything was read"


def _invariant_parts(proof: Proof) -> Iterator[str]:
    standing = Counter(each.standing for each in proof.invariants)
    bad = [f"{standing[each]:,} {each.value}" for each in (Standing.VIOLATED, Standing.UNDECIDED) if standing[each]]
    if standing:
        yield f"{count(len(proof.invariants), 'invariant')}, {' and '.join(bad) or 'none violated'}"


def _side(head: str, side: Side) -> SideView:
    sign = Sign(side.verdict)
    shape = f" ({side.shape})" if side.shape else ""
    return SideView(head, sign, f"{sign.word}{shape}", side.why, side.path)


def _invariant(each: InvariantResult) -> InvariantView:
    state = f" ({each.step})" if each.step else ""
    told = [f"{each.request}{state}: {each.why}"] if each.request else []
    if each.reason:
        told.append(f"cannot be told{state}: {each.reason}")
    text = each.text if each.text != each.name else ""
    return InvariantView(_STANDING[each.standing], each.name, text, tuple(told), each.path, command(each.command))
