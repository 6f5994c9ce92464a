"""Whether what must pass passed, and what must be refused was refused, since a wave was done. Pure.

A request of each class that the prover tells apart is sent all the time, so each wave is asked all of them. What was
lost without anybody's refusal is told by other gates: that is no matter of policies.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

from sidestep.actions.gates.judging import Answer, Finding
from sidestep.lab.agent.messages import Row
from sidestep.rehearse.question import Question

_REFUSALS = frozenset({"http-401", "http-403", "grpc-7", "grpc-16"})
"""How a request of HTTP ends that a policy refuses; 7 and 16 are gRPC's for permission and for who somebody is."""


def probed(rows: Iterable[Row], questions: Mapping[str, Question]) -> Finding:
    """What is said of requests that were due since a wave.

    Args:
        rows: of those requests.
        questions: that are sent, by name.
    """
    sent, wrong = Counter[str](), Counter[str]()
    for row in rows:
        question = questions.get(row.edge)
        if question is not None:
            sent[row.edge] += row.sent
            wrong[row.edge] += _refused(row) if question.allowed else row.ok
    bad = [name for name in questions if wrong[name]]
    if bad:
        parts = (_odd([each for each in bad if questions[each].allowed is allowed], sent, wrong, allowed=allowed)
                 for allowed in (False, True))  # fmt: skip
        return Finding(Answer.FAILS, f"probes: {'; '.join(part for part in parts if part)}")
    unsent = sorted(name for name in questions if not sent[name])
    if unsent:
        told = f"nothing came to an end since of {len(unsent)} of {len(questions)} kinds of requests, {unsent[0]} one"
        return Finding(Answer.NOT_YET, f"probes: {told}")
    words = (_fine(questions, sent, allowed=allowed) for allowed in (True, False))
    return Finding(Answer.HOLDS, f"probes: {', '.join(words)}")


def _refused(row: Row) -> int:
    return sum(count for kind, count in row.failures.items() if kind in _REFUSALS)


def _fine(questions: Mapping[str, Question], sent: Counter[str], *, allowed: bool) -> str:
    kinds = [name for name, each in questions.items() if each.allowed is allowed]
    became = "that must pass passed" if allowed else "that must be refused were"
    return f"{len(kinds)} kinds of requests {became} ({sum(sent[each] for each in kinds):,} sent)"


def _odd(names: list[str], sent: Counter[str], wrong: Counter[str], *, allowed: bool) -> str:
    if not names:
        return ""
    became = "must pass, and were refused" if allowed else "must be refused, and were answered"
    count, of = sum(wrong[each] for each in names), sum(sent[each] for each in names)
    return f"{count:,} of {of:,} requests {became}, the first: {min(names)}"
