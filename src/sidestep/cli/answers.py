"""What `sidestep explain` answers: each kind of question from the command line to a document."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from sidestep.cli.options import SourceOptions
from sidestep.cli.plan import version_option
from sidestep.cli.reading import Manner, read_mesh
from sidestep.cli.states import At, at_option, states
from sidestep.explain.answer import explain
from sidestep.explain.explanation import Explanation
from sidestep.explain.question import Question
from sidestep.report.formats import Format
from sidestep.semantics.requests import Answers
from sidestep.semantics.versions import IstioVersion

Answer = Callable[[dict[str, Any], SourceOptions, Manner], Any]


class Kind(Struct, frozen=True):
    """A kind of question: the formats of its answer, and who answers it."""

    formats: Sequence[Format[Any]]
    answer: Answer


class Situation(Struct, frozen=True):
    """What every question is asked of: states and a version, both checked before a mesh is read."""

    at: At
    version: IstioVersion | None

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Situation":
        """From the options."""
        return cls(at_option(values["at"]), version_option(values["istio"]))


def request_answer(values: dict[str, Any], source: SourceOptions, manner: Manner) -> Explanation:
    """What happens to one request."""
    situation, question = Situation.of(values), question_of(values)
    mesh = read_mesh(source, manner, require_complete=False)
    return explain(states(mesh, situation.at, situation.version), question)


def question_of(values: dict[str, Any]) -> Question:
    """The request that the options name."""
    named = {name: values[name] for name in Question.__struct_fields__ if values[name] is not None}
    return Question(**{**named, "authorizer": Answers(values["authorizer"] or Answers.UNSTATED)})
