"""One conversation with a Prometheus: look around, ask for use and traffic, keep what is answered."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from msgspec.structs import replace

from sidestep.model.mesh import Mesh
from sidestep.model.metadata import WorkloadRef
from sidestep.model.telemetry import ProxyUse, Telemetry, TelemetryKind
from sidestep.sources.interface import Progress, Report
from sidestep.sources.telemetry import promql
from sidestep.sources.telemetry.doubts import USE, Doubts, some
from sidestep.sources.telemetry.figures import Figures, use_of
from sidestep.sources.telemetry.http_api import Prometheus, QueryError
from sidestep.sources.telemetry.promql import Scope, Window
from sidestep.sources.telemetry.series import PROXY, Attribution, Values
from sidestep.sources.telemetry.shards import Refused, in_parts
from sidestep.sources.telemetry.survey import Survey, survey_of

_Answer = TypeVar("_Answer")


class Reading:
    """Asks and collects.

    Args:
        server: whom to ask.
        mesh: whose workloads are measured.
        window: how far back.
        at: until when, in Unix seconds.
        report: hears of progress.
    """

    def __init__(self, server: Prometheus, mesh: Mesh, window: Window, at: float, report: Report) -> None:
        self._server = server
        self._mesh = mesh
        self._window = window
        self._at = at
        self._report = report
        self._everything = Scope(namespaces=mesh.source.namespaces, labels=server.access.labels)
        self._attribution = Attribution(mesh)
        self._doubts = Doubts(server.access.name)

    def telemetry(self) -> Telemetry:
        """Everything measured, and what was not answered."""
        name = self._server.access.name
        try:
            survey = self._survey()
        except QueryError as error:
            self._doubts.refused("prometheus", error)
            return Telemetry(TelemetryKind.NONE, name, gaps=self._doubts.gaps)
        self._window = self._window.affordable(sum(survey.proxies.values()))
        proxies = self._proxies(survey) if survey.proxies else {}
        requests, traffic = self._received("requests", promql.requests), self._received("bytes", promql.traffic)
        window = self._covered(proxies)
        self._doubts.survey(survey, proxies_expected=_has_proxies(self._mesh))
        self._doubts.ambiguous(self._attribution.ambiguous)
        self._doubts.warnings(self._server.warnings)
        gaps, remarks = self._doubts.gaps, self._doubts.remarks
        return Telemetry(TelemetryKind.PROMETHEUS, name, window, proxies, traffic, requests, gaps, remarks)

    def _survey(self) -> Survey:
        """Without an answer of owners, names of pods do."""
        proxies = self._query(promql.proxies(self._everything))
        try:
            owners = self._query(promql.proxies_with_owner(self._everything))
        except QueryError as error:
            self._doubts.refused("owners of pods", error)
            owners = {}
        return survey_of(proxies, owners)

    def _proxies(self, survey: Survey) -> dict[WorkloadRef, ProxyUse]:
        found: dict[WorkloadRef, ProxyUse] = {}
        halves = 0
        for scope, names in _scopes(survey, self._everything):
            for figures in self._answered(USE, names, partial(self._figures, scope)):
                use = use_of(figures, self._attribution)
                found |= use.proxies
                halves += use.halves
        self._doubts.halves(halves, wholes=len(found))
        return found

    def _figures(self, whole: Scope, part: Sequence[str]) -> Figures:
        scope = _narrowed(whole, part)
        cpu, memory = promql.cpu(scope), promql.memory(scope)
        return Figures(
            self._spread(cpu),
            self._spread(memory),
            self._extra("busiest proxies", promql.quantile(0.95, promql.cpu(scope, "max"), self._window)),
            self._extra("largest proxies", promql.highest(promql.memory(scope, "max"), self._window)),
            self._extra("points", promql.samples(memory, self._window)),
        )

    def _spread(self, query: str) -> tuple[Values, Values, Values]:
        return (
            self._query(promql.quantile(0.5, query, self._window)),
            self._query(promql.quantile(0.95, query, self._window)),
            self._query(promql.highest(query, self._window)),
        )

    def _extra(self, what: str, query: str) -> Values:
        """An answer without which the others are still worth having; asking for less may yet bring it."""
        try:
            return self._query(query)
        except QueryError as error:
            if error.too_heavy:
                raise
            self._doubts.refused(what, error)
            return {}

    def _received(self, what: str, question: Callable[[Window, Scope], str]) -> dict[WorkloadRef, float]:
        def ask(part: Sequence[str]) -> Values:
            return self._query(question(self._window, _narrowed(self._everything, part)))

        found: dict[WorkloadRef, float] = {}
        for values in self._answered(what, sorted({pod.namespace for pod in self._mesh.pods}), ask):
            found |= self._attribution.receivers(values)
        return found

    def _answered(self, what: str, names: Sequence[str], ask: Callable[[Sequence[str]], _Answer]) -> Iterator[_Answer]:
        """Answers, with a gap for each that is missing."""
        for done, answer in enumerate(in_parts(names, ask), 1):
            self._report(Progress(what, done, unit="answers"))
            if isinstance(answer, Refused):
                where = f" in {some(answer.namespaces)}" if answer.namespaces else ""
                self._doubts.refused(f"{what}{where}", answer.error)
            else:
                yield answer

    def _query(self, text: str) -> Values:
        return self._server.query(text, self._at)

    def _covered(self, proxies: Mapping[WorkloadRef, ProxyUse]) -> int:
        """The part of the window that there are samples for: Prometheus may remember less."""
        most = max((use.samples for use in proxies.values()), default=0)
        covered = min(self._window.seconds, most * self._window.step)
        self._doubts.past(covered, self._window.seconds)
        return covered


def _scopes(survey: Survey, everything: Scope) -> Iterator[tuple[Scope, list[str]]]:
    """What to ask with owners and what by names, each with the namespaces it is about."""
    owned = sorted(survey.proxies.keys() - set(survey.nameless))
    if not survey.nameless:
        yield everything, owned
        return
    named = everything
    if owned:
        yield replace(everything, namespaces=survey.nameless, excluded=True), owned
        named = replace(everything, namespaces=survey.nameless)
    yield replace(named, owned=False), list(survey.nameless)


def _narrowed(scope: Scope, part: Sequence[str]) -> Scope:
    return replace(scope, namespaces=tuple(part), excluded=False) if part else scope


def _has_proxies(mesh: Mesh) -> bool:
    shapes = {id(pod.shape): pod.shape for pod in mesh.pods}.values()
    return any(container.name == PROXY for shape in shapes for container in shape.spec.all_containers)
