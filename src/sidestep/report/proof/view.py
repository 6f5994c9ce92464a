"""What every format tells of a proof: the verdict in a line, counterexamples by what they do, and what was accepted."""

import shlex
from collections import Counter
from collections.abc import Iterator

from msgspec import Struct

from sidestep.prove.findings import InvariantResult, Standing
from sidestep.prove.proof import Conclusion, Counterexample, Proof, Side
from sidestep.report.explanation.stops import Sign
from sidestep.report.places import page
from sidestep.report.units import count

_SIGNS = {Conclusion.EQUAL: Sign.ALLOW, Conclusion.DIFFERS: Sign.DENY, Conclusion.UNDECIDED: Sign.UNKNOWN}
_STANDING = {Standing.HOLDS: Sign.ALLOW, Standing.VIOLATED: Sign.DENY, Standing.UNDECIDED: Sign.UNKNOWN}
_ALONE = {Conclusion.EQUAL: "holds", Conclusion.DIFFERS: "violated", Conclusion.UNDECIDED: "undecided"}
"""Of invariants that are asked of one mesh."""
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
    """

    direction: str
    meaning: str
    request: str
    step: str
    sides: tuple[SideView, ...]
    pages: tuple[tuple[str, str], ...]
    command: str
    accepted: str


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
        tuple(example_view(each) for each in ordered if not each.accepted),
        tuple(f"{reason}: {count(number, 'request')}" for reason, number in reasons.items()),
        tuple(f"{each.where}{after(each.step)}: {each.reason}" for each in proof.undecided),
        tuple(f"{each.code} {each.entry}: {each.message}; to fix: {each.fix}" for each in proof.findings),
        tuple(map(_invariant, proof.invariants)),
        proof.assumptions,
    )


def verdict_line(proof: Proof) -> str:
    """The verdict, and on what it was reached."""
    parts = "; ".join(_parts(proof))
    word = _word(proof)
    return f"{word}{_states(proof)}: {parts}" if parts else word


def _word(proof: Proof) -> str:
    """The verdict in a word."""
    return _ALONE[proof.verdict] if len(proof.compared) == 1 else proof.verdict.value


def _title(proof: Proof) -> str:
    if len(proof.compared) == 1:
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
