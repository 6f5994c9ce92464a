"""What `sidestep explain` answers: each kind of question from the command line to a document."""

import sys
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from sidestep.audit.audit import judge
from sidestep.audit.facts import Options
from sidestep.audit.gather import gather
from sidestep.audit.symptom_report import SymptomAnswer, symptom_answer
from sidestep.cli.options import SourceOptions
from sidestep.cli.plan import version_option
from sidestep.cli.reading import Manner, garbage_untouched, read_mesh
from sidestep.cli.states import At, at_option, states
from sidestep.errors import SidestepError, UsageError
from sidestep.explain.answer import TODAY, explain
from sidestep.explain.explanation import Explanation
from sidestep.explain.log_answer import LogExplanation, explain_log
from sidestep.explain.log_lines.parse import parse_log_line
from sidestep.explain.matrix import Matrix, matrix
from sidestep.explain.question import Question
from sidestep.model.mesh import Mesh
from sidestep.model.telemetry import Telemetry
from sidestep.report.formats import Format
from sidestep.semantics.requests import Answers
from sidestep.semantics.versions import IstioVersion

Answer = Callable[[dict[str, Any], SourceOptions, Manner], Any]
_LONGEST_LINE = 1 << 20


class Kind(Struct, frozen=True):
    """A kind of question: the formats of its answer, and who answers it."""

    formats: Sequence[Format[Any]]
    answer: Answer


class Situation(Struct, frozen=True):
    """What every question is asked of: states and a version, both checked before a mesh is read."""

    at: At
    version: IstioVersion | None

    @classmethod
    def of(cls, values: dict[str, Any], default: str | None = None) -> "Situation":
        """From the options; `default` where no state is named."""
        return cls(at_option(values["at"] or default), version_option(values["istio"]))


def request_answer(values: dict[str, Any], source: SourceOptions, manner: Manner) -> Explanation:
    """What happens to one request."""
    situation, question = Situation.of(values), question_of(values)
    mesh = read_mesh(source, manner, require_complete=False)
    with garbage_untouched():
        return explain(states(mesh, situation.at, situation.version), question)


def log_answer(values: dict[str, Any], source: SourceOptions, manner: Manner) -> LogExplanation:
    """What a line of a log says, and whether the mesh says the same; today's unless a state is named."""
    situation = Situation.of(values, TODAY)
    line = parse_log_line(_text(values["log"], source))
    mesh, why_none = _mesh_if_there(source, manner)
    with garbage_untouched():
        asked = states(mesh, situation.at, situation.version) if mesh is not None else ()
        return explain_log(line, asked, why_none)


def symptom_report(values: dict[str, Any], source: SourceOptions, manner: Manner) -> SymptomAnswer:
    """What may be behind a symptom, with this cluster's findings."""
    if not values["symptom"].strip():
        raise UsageError("says nothing", where="--symptom", remedy="give an error message, or a few words")
    mesh, why_none = _mesh_if_there(source, manner)
    if mesh is None:
        return symptom_answer(values["symptom"], (), f"none: {why_none}")
    with garbage_untouched():
        findings = judge(gather(mesh, Telemetry(), Options(namespaces=source.namespaces)))
    partial = "" if mesh.complete else f", of which {len(mesh.gaps)} things could not be read"
    return symptom_answer(values["symptom"], findings, f"findings in {mesh.source.kind} {mesh.source.name}{partial}")


def matrix_answer(values: dict[str, Any], source: SourceOptions, manner: Manner) -> Matrix:
    """Who may call whom: today, or in the state that is named."""
    situation = Situation.of(values, TODAY)
    mesh = read_mesh(source, manner, require_complete=False)
    with garbage_untouched():
        return matrix(states(mesh, situation.at, situation.version)[-1], values["matrix"])


def question_of(values: dict[str, Any]) -> Question:
    """The request that the options name."""
    named = {name: values[name] for name in Question.__struct_fields__ if values[name] is not None}
    return Question(**{**named, "authorizer": Answers(values["authorizer"] or Answers.UNSTATED)})


def _text(given: str, source: SourceOptions) -> str:
    """The line itself, or stdin's."""
    if given != "-":
        return given
    if "-" in source.paths:
        raise UsageError(
            "stdin holds the mesh already", where="--log", remedy="give the line itself, or files to --from"
        )
    return sys.stdin.buffer.read(_LONGEST_LINE).decode(errors="replace")


def _mesh_if_there(source: SourceOptions, manner: Manner) -> tuple[Mesh | None, str]:
    """The mesh, which a line or a symptom can do without; where one is named it must be there."""
    try:
        return read_mesh(source, manner, require_complete=False), ""
    except SidestepError as error:
        if source.paths or source.context or source.kubeconfig:
            raise
        return None, f"no cluster could be read ({error.message}), and no files were given with --from"
