"""What was not answered, and what the answers do not say themselves."""

from collections.abc import Iterable, Sequence

from sidestep.model.gaps import Gap, GapReason, Remark
from sidestep.sources.telemetry.http_api import QueryError
from sidestep.sources.telemetry.survey import Survey

USE = "use of proxies"
_CHECK = "check --prometheus, its token and its headers"
_LESS = "shorten --window, or raise the server's limits (query.timeout, query.max-samples)"
_HONOUR = "scrape cAdvisor and kube-state-metrics of all namespaces, with honor_labels"
_ONE_CLUSTER = "ask this cluster's own Prometheus or tenant"
_ENOUGH = 0.95
_NAMED = 3


class Doubts:
    """Collects gaps and remarks about one Prometheus.

    Args:
        name: its URL, without secrets.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._gaps: set[Gap] = set()
        self._remarks: set[Remark] = set()

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What is missing, in order."""
        return tuple(sorted(self._gaps))

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What is weak, in order."""
        return tuple(sorted(self._remarks))

    def refused(self, what: str, error: QueryError) -> None:
        """A question without an answer."""
        self._gap(what, error.reason, error.detail, _LESS if error.too_heavy else _CHECK)

    def survey(self, survey: Survey, *, proxies_expected: bool) -> None:
        """What a first look shows."""
        if proxies_expected and not survey.proxies:
            told = 'no series container_memory_working_set_bytes{container="istio-proxy"}'
            self._gap(USE, GapReason.ABSENT, told, _HONOUR)
        if survey.unowned:
            told = f"{survey.unowned} of {sum(survey.proxies.values())} proxies have no owner"
            self._gap(USE, GapReason.ABSENT, told, _HONOUR)
        if len(survey.clusters) > 1:
            told = f"workloads of the same name are added up over clusters {some(survey.clusters)}"
            self._gap(USE, GapReason.UNSUPPORTED, told, _ONE_CLUSTER)
        if survey.nameless:
            self._remark(f"workloads in {some(survey.nameless)} are told by the names of their pods")

    def halves(self, halves: int, *, wholes: int) -> None:
        """A workload that has just started has no rate yet; where none has one, a metric is missing."""
        told = f"{halves} workloads have either CPU or memory, not both"
        if halves and not wholes:
            self._gap(USE, GapReason.ABSENT, told, _HONOUR)
        elif halves:
            self._remark(told)

    def ambiguous(self, names: Iterable[str]) -> None:
        """Names that do not tell one workload from another."""
        listed = sorted(names)
        if listed:
            told = f"several workloads go by the name {some(listed)}"
            self._gap("use and traffic", GapReason.UNSUPPORTED, told, "install kube-state-metrics")

    def past(self, covered: int, asked: int) -> None:
        """A past shorter than the window, in seconds."""
        if 0 < covered < _ENOUGH * asked:
            self._remark(f"remembers {covered} s of the {asked} s asked for")

    def warnings(self, warnings: Iterable[str]) -> None:
        """Warnings mean that an answer is not whole; notes on style come the same way."""
        for warning in warnings:
            if warning.startswith("PromQL info"):
                self._remark(warning)
            else:
                self._gap("prometheus", GapReason.TRUNCATED, f"it warns: {warning}", "see its logs")

    def _gap(self, what: str, reason: GapReason, told: str, remedy: str) -> None:
        self._gaps.add(Gap(f"{what} ({self._name})", reason, told, remedy))

    def _remark(self, text: str) -> None:
        self._remarks.add(Remark(self._name, text))


def some(names: Sequence[str]) -> str:
    """Names, the first few of many."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
