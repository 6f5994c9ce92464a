"""Counters as Prometheus reads them, in its text format."""

from collections.abc import Mapping
from itertools import groupby

from sidestep.lab.metrics.counting import (
    CLOSED_TOTAL,
    FAILED_TOTAL,
    LABELS,
    OPENED_TOTAL,
    RECEIVED_TOTAL,
    SENT_TOTAL,
    Series,
)

_HELP = {
    OPENED_TOTAL: "Connections that were opened.",
    CLOSED_TOTAL: "Connections that have ended.",
    FAILED_TOTAL: "Connections that could not be opened.",
    SENT_TOTAL: "Bytes of answers, from servers to clients.",
    RECEIVED_TOTAL: "Bytes of requests, from clients to servers.",
}


def exposition(counters: Mapping[Series, int]) -> str:
    """All counters; with the label `node`, which in a cluster the scrape adds."""
    text = []
    for name, series in groupby(sorted(counters), key=lambda each: each.name):
        text += [f"# HELP {name} {_HELP[name]}", f"# TYPE {name} counter"]
        text += [f"{name}{{{_labels(each)}}} {counters[each]}" for each in series]
    return "".join(f"{line}\n" for line in text)


def _labels(series: Series) -> str:
    pairs = zip((*LABELS, "node"), (*series.values, series.node), strict=True)
    return ",".join(f'{key}="{_escaped(value)}"' for key, value in pairs)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
