"""Counters as Prometheus reads them, in its text format."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, groupby

from sidestep.lab.metrics import labelled, requested
from sidestep.lab.metrics.counting import (
    CLOSED_TOTAL,
    FAILED_TOTAL,
    LABELS,
    OPENED_TOTAL,
    RECEIVED_TOTAL,
    SENT_TOTAL,
    Series,
)
from sidestep.lab.metrics.requested import Told

_HELP = {
    OPENED_TOTAL: "Connections that were opened.",
    CLOSED_TOTAL: "Connections that have ended.",
    FAILED_TOTAL: "Connections that could not be opened.",
    SENT_TOTAL: "Bytes of answers, from servers to clients.",
    RECEIVED_TOTAL: "Bytes of requests, from clients to servers.",
    requested.TOTAL: "Requests that were answered.",
    requested.DURATION: "How long requests took.",
    requested.REQUEST_MESSAGES: "Messages of gRPC that clients sent.",
    requested.RESPONSE_MESSAGES: "Messages of gRPC that servers sent.",
    requested.RECEIVED: "Bytes of requests, with their headers.",
    requested.SENT: "Bytes of answers, with their headers.",
}


def exposition(counters: Mapping[Series, int], requests: Told | None = None) -> str:
    """All counters; with the label `node`, or of requests `pod`, which in a cluster the scrape adds."""
    text: list[str] = []
    counted = [(each.name, _labels(each), counters[each]) for each in sorted(counters)]
    if requests is not None:
        further = (*sorted(requests.connections.items()), *sorted(requests.messages.items()))
        counted += [(name, _of(of), number) for (name, of), number in further]
    for name, series in groupby(sorted(counted, key=lambda each: each[0]), key=lambda each: each[0]):
        text += _head(name, "counter")
        text += [f"{name}{{{labels}}} {number}" for _, labels, number in series]
    text += [] if requests is None else _requests(requests)
    return "".join(f"{line}\n" for line in text)


def _requests(told: Told) -> Iterator[str]:
    if told.totals:
        yield from _head(requested.TOTAL, "counter")
        yield from (f"{requested.TOTAL}{{{_of(each)}}} {told.totals[each]}" for each in sorted(told.totals))
    for name, series in told.spread.items():
        if series:
            yield from _head(name, "histogram")
            for each in sorted(series):
                yield from _distribution(name, _of(each), series[each])


def _distribution(name: str, labels: str, spread: requested.Distribution) -> Iterator[str]:
    sums = list(accumulate(spread.counts))
    for bound, number in zip((*requested.BUCKETS, "+Inf"), sums, strict=True):
        yield f'{name}_bucket{{{labels},le="{bound}"}} {number}'
    yield f"{name}_sum{{{labels}}} {spread.sum}"
    yield f"{name}_count{{{labels}}} {sums[-1]}"


def _head(name: str, kind: str) -> tuple[str, str]:
    return f"# HELP {name} {_HELP[name]}", f"# TYPE {name} {kind}"


def _of(series: requested.Of) -> str:
    space, _, name = series.proxy.partition("//Pod/")[2].partition("/")
    return _written((*labelled.LABELS, "namespace", "pod"), (*series.values, space, name))


def _labels(series: Series) -> str:
    return _written((*LABELS, "node"), (*series.values, series.node))


def _written(names: Iterable[str], values: Iterable[str]) -> str:
    return ",".join(f'{key}="{_escaped(value)}"' for key, value in zip(names, values, strict=True))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
