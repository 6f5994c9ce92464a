"""Rows of a lab as aligned text, as kubectl prints them: narrow, without lines, easy to cut."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from sidestep.lab.agent.histogram import Histogram
from sidestep.report import units
from sidestep.semantics.loose import as_dict

_GAP = "   "
_LEAST = 15
"""Characters that every column keeps, where a terminal is narrow."""
_MOST_MISGIVINGS = 20
_ARTICLES = {"sidecar": "a sidecar", "waypoint": "a waypoint", "gateway": "a gateway"}
Cell = Callable[[Mapping[str, Any]], str]


def table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Cell], width: int | None = None) -> str:
    """A header and a line for each row.

    Args:
        rows: what is told.
        columns: what stands under each heading.
        width: of the terminal: the widest columns are cut until lines fit; None for none.
    """
    cells = [list(columns), *([cell(row) for cell in columns.values()] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    _narrow(widths, [len(name) for name in columns], width)
    return "".join(_line(line, widths) for line in cells)


def _narrow(widths: list[int], least: Sequence[int], width: int | None) -> None:
    """Take from the widest column, never more than its heading needs, until all fit."""
    room = width - len(_GAP) * (len(widths) - 1) if width is not None else sum(widths)
    while sum(widths) > room:
        place = max(range(len(widths)), key=lambda each: widths[each] - max(least[each], _LEAST))
        if widths[place] <= max(least[place], _LEAST):
            return
        widths[place] -= 1


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    shown = (each if len(each) <= width else f"{each[: width - 1]}…" for each, width in zip(cells, widths, strict=True))
    return _GAP.join(map(str.ljust, shown, widths)).rstrip() + "\n"


def pod_columns() -> dict[str, Cell]:
    """What is shown of pods."""
    return {
        "NAMESPACE": lambda row: _meta(row, "namespace"),
        "NAME": lambda row: _meta(row, "name"),
        "READY": _ready,
        "STATUS": _phase,
        "MESH": _mode,
        "IP": lambda row: str(_status(row).get("podIP", "")),
        "NODE": lambda row: str(as_dict(row.get("spec")).get("nodeName", "")),
    }


def object_columns() -> dict[str, Cell]:
    """What is shown of anything else."""
    return {"NAMESPACE": lambda row: _meta(row, "namespace"), "NAME": lambda row: _meta(row, "name")}


def usage_columns() -> dict[str, Cell]:
    """What is shown of processes."""
    return {
        "PROCESS": lambda row: str(row["name"]),
        "CPU": lambda row: f"{row['share'] * 100:.1f}%",
        "WAITED": lambda row: f"{row['waiting'] * 100:.1f}%",
        "CPU TIME": lambda row: f"{row['cpu']:.2f} s",
        "MEMORY": lambda row: f"{row['memory'] / 2**20:.1f} MiB",
        "RESTARTS": lambda row: str(row["restarts"]),
    }


def certificate_columns() -> dict[str, Cell]:
    """What is shown of certificates."""
    return {
        "PROXY": lambda row: str(row["node"]),
        "USED": lambda row: str(row["purpose"]),
        "IDENTITY": lambda row: str(row["identity"]),
        "SIGNER": lambda row: str(row["signer"]),
        "SERIAL": lambda row: str(row["serial"]),
    }


def verify_columns() -> dict[str, Cell]:
    """What is shown of pods and their capture."""
    return {
        "POD": lambda row: str(row["pod"]),
        "MESH": lambda row: str(row["mode"]),
        "OUT OF IT BY": lambda row: str(row["outbound"]),
        "INTO IT BY": lambda row: str(row["inbound"]),
        "": lambda row: "" if row["right"] else "WRONG",
    }


def done_lines(rows: Sequence[Mapping[str, str]]) -> str:
    """What was done to objects, one a line."""
    return "".join(f"{row['object']} {row['what']}\n" for row in rows)


def outcome_lines(outcomes: Sequence[Mapping[str, Any]]) -> str:
    """What became of requests, one a line."""
    return "".join(_outcome(each) for each in outcomes)


def load_text(result: Mapping[str, Any]) -> str:
    """What became of a load, in a few lines."""
    latency = msgspec.convert(result["latency"], Histogram, strict=False)
    shares = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99))
    times = ", ".join(f"{name} {latency.quantile(share) / 1000:.2f} ms" for name, share in shares)
    failed = result["sent"] - result["ok"]
    lines = [f"{result['sent']} sent, {result['ok']} answered, {failed} failed; {times}"]
    lines += [f"  answered by {pod}: {count}" for pod, count in sorted(result["pods"].items())]
    for kind, count in sorted(result["failures"].items()):
        first = result["examples"][kind]
        detail = first["outcome"]["detail"]
        lines.append(f"  {kind}: {count}, the first after {first['at']:.2f} s: {detail}")
    return "\n".join(lines) + "\n"


def status_text(status: Mapping[str, Any]) -> str:
    """How a lab is, in a few lines."""
    own = "".join(f", {count} with {_ARTICLES[role]}" for role, count in sorted(status["proxies"].items()))
    pods = f"{units.count(status['pods'], 'pod')} ({status['ready']} ready, {status['captured']} in ambient{own})"
    nodes, services = units.count(status["nodes"], "node"), units.count(status["services"], "service")
    lines = [
        f"lab {status['name']}: {nodes}, {pods}, {services}",
        *(_crossed(each) for each in status["crossed"] if each["bytes"]),
        *(f"  not yet: {each}" for each in status["outstanding"]),
        *(f"  {each}" for each in status["said"][-5:]),
        *misgiving_lines(status.get("misgivings", ())),
    ]
    return "\n".join(lines) + "\n"


def misgiving_lines(told: Sequence[str]) -> list[str]:
    """What is done otherwise than it is written: a few of many."""
    more = len(told) - _MOST_MISGIVINGS
    rest = [f"  note: and {more} more; `sidestep lab status -o json` has them all"] if more > 0 else []
    return [*(f"  note: {each}" for each in told[:_MOST_MISGIVINGS]), *rest]


def _crossed(each: Mapping[str, Any]) -> str:
    return f"  {each['bytes']:,} bytes from {each['from']} to {each['to']}"


def _outcome(each: Mapping[str, Any]) -> str:
    code = f" {each['code']}" if each.get("code", -1) >= 0 else ""
    by = f" by {each['pod']}" if each.get("pod") else ""
    why = f": {each['detail']}" if each.get("detail") and not each["ok"] else ""
    return f"{each['kind']}{code} {each['milliseconds']:.1f} ms{by}{why}\n"


def _meta(row: Mapping[str, Any], field: str) -> str:
    return str(as_dict(row.get("metadata")).get(field, ""))


def _status(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return as_dict(row.get("status"))


def _ready(row: Mapping[str, Any]) -> str:
    conditions = _status(row).get("conditions") or ()
    return "yes" if any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions) else "no"


def _phase(row: Mapping[str, Any]) -> str:
    if (row.get("metadata") or {}).get("deletionTimestamp"):
        return "Terminating"
    return str(_status(row).get("phase", "Pending"))


def _mode(row: Mapping[str, Any]) -> str:
    """In ambient, or which proxy of its own it has."""
    annotations = as_dict(as_dict(row.get("metadata")).get("annotations"))
    own = str(annotations.get("sidestep.dev/proxy", "-"))
    return {"enabled": "ambient", "pending": "enrolling"}.get(annotations.get("ambient.istio.io/redirection", ""), own)
