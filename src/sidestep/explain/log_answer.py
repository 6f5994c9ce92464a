"""One line of an access log, explained, and held against the mesh."""

from collections.abc import Sequence

from msgspec import Struct

from sidestep.explain.agreement import Agreement, Comparison, compared
from sidestep.explain.answer import State, answer
from sidestep.explain.explanation import API_VERSION, Explanation
from sidestep.explain.from_log import NotAsked, from_log
from sidestep.explain.log_lines.line import LogLine
from sidestep.explain.log_lines.meaning import Statement
from sidestep.explain.log_lines.reading import explain_line

_SOMEBODY, _SOMEWHERE = "somebody", "somewhere"


class LineReport(Struct, frozen=True, rename="camel"):
    """The line.

    Attributes:
        format: how it is written.
        reporter: the proxy that wrote it.
        told_by: what in the line says so.
        logged_by: what the tool that fetched it put in front.
        request: what it is about, in words.
        unparsed: pieces that nothing was made of.
    """

    format: str
    reporter: str
    told_by: str
    logged_by: str
    request: str
    unparsed: tuple[str, ...] = ()


class LogExplanation(Struct, frozen=True, rename="camel"):
    """The whole answer.

    Attributes:
        line: what was read of it.
        statements: what it says, piece by piece.
        comparison: whether the mesh as read says the same.
        explanation: of the same request by the mesh; None where it was not asked.
        api_version: of this document; fields are added within it, never renamed.
        kind: always `LogExplanation`.
    """

    line: LineReport
    statements: tuple[Statement, ...]
    comparison: Comparison
    explanation: Explanation | None = None
    api_version: str = API_VERSION
    kind: str = "LogExplanation"


def explain_log(line: LogLine, states: Sequence[State], why_none: str = "") -> LogExplanation:
    """What a line says, and what the states of a mesh say of the same request.

    Args:
        line: the line.
        states: today first; none where no mesh was read.
        why_none: why there are none.
    """
    statements = explain_line(line)
    if not states:
        return LogExplanation(_line(line), statements, _sentence(Comparison(Agreement.NOT_ASKED, why_none)))
    asked = from_log(states[0].index, line)
    if isinstance(asked, NotAsked):
        return LogExplanation(_line(line), statements, _sentence(Comparison(Agreement.NOT_ASKED, asked.reason)))
    explanation = answer(states, asked)
    return LogExplanation(_line(line), statements, _sentence(compared(line, explanation.states[-1])), explanation)


def _sentence(told: Comparison) -> Comparison:
    return Comparison(told.agreement, f"{told.text[:1].upper()}{told.text[1:]}.")


def _line(line: LogLine) -> LineReport:
    return LineReport(
        line.format.value, line.reporter.value, line.told_by, line.logged_by, _request(line), line.unparsed
    )


def _request(line: LogLine) -> str:
    """Who, what and to whom, as far as told."""
    source, to = line.source, line.destination
    who = "/".join(part for part in (source.namespace, source.workload) if part) or str(source.address or _SOMEBODY)
    what = f"{line.method} {line.path}" if line.method else "a connection"
    service = f"{to.service}:{to.service_port}" if to.service_port else to.service
    where = service or line.authority or str(line.dialled or to.address or _SOMEWHERE)
    status = f", answered {line.status}" if line.status else ""
    if (who, where) == (_SOMEBODY, _SOMEWHERE):
        return "A request of which the line tells neither end"
    return f"{who} sends {what} to {where}{status}"
