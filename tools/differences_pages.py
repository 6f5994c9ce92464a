"""The pages of differences, made from the catalogue and from the cases that show them, so that no page can disagree."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from tests.semantics.differences.cases import CASES
from tests.semantics.differences.cases.case import Case
from tests.semantics.differences.proved import OPAQUE, PROVED, Proved

from sidestep.demo.scenes import UNSHOWN, scenes_of
from sidestep.explain.explanation import HopReport, StateReport
from sidestep.explain.words import request_words, state_report
from sidestep.prove.proof import Conclusion, Direction
from sidestep.semantics.decide import decide
from sidestep.semantics.decisions import Decision, Proxy, Transport
from sidestep.semantics.differences.catalogue import DIFFERENCES
from sidestep.semantics.differences.difference import Area, Difference
from sidestep.semantics.differences.difference import Direction as Goes
from sidestep.semantics.index import MeshIndex

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "differences"
Object = dict[str, Any]

_HEAD = """# Differences between sidecars and ambient

The same objects mean other things to sidecars than to ztunnel and waypoints. Each difference that Sidestep knows has a
number that does not change. `sidestep plan` names those that keep a workload back or need work, `sidestep explain`
those that account for what changes for one request.

Every page whose difference one decision can show has an example: objects, a request, and what becomes of it today and
after. The examples are run as tests.

| direction | what it means for a request |
| --- | --- |
| open | ambient admits what sidecars refuse |
| closed | ambient refuses what sidecars admit |
| both | either, by what the objects say |
| route | admitted by both, it goes elsewhere or with other settings |
| observed | only what somebody sees of it differs |
| inexpressible | no object says to ambient what today's says to sidecars |

*Found*: the directions in which `sidestep prove` finds it in its example. *On the way back*: from ambient to sidecars.
*Converted*: what `sidestep prove` says of the example once it is planned and converted; its page says what is left.

These pages are generated from the catalogue (`python -m tools.check_docs --write`).
"""
_COLUMNS = ("code", "direction", "title", "found", "on the way back", "converted")
_PROVED = {row.code: row for row in PROVED}
_PODS = ("Pod", "ReplicaSet", "Namespace")
_SERVER_SIDE = ("uid", "resourceVersion", "creationTimestamp")
_OWN_LABELS = ("app", "istio")


def pages() -> dict[Path, str]:
    """All pages with their text."""
    return {FOLDER / "README.md": index()} | {FOLDER / f"{each.code}.md": page(each) for each in DIFFERENCES}


def index() -> str:
    """The list of all."""
    parts = [_HEAD]
    for area in Area:
        rows = [_row(each) for each in DIFFERENCES if each.area is area]
        parts.append(
            "\n".join((f"## {area.words}\n", f"| {' | '.join(_COLUMNS)} |", "| --- " * len(_COLUMNS) + "|", *rows, ""))
        )
    return "\n".join(parts)


def page(difference: Difference) -> str:
    """One difference."""
    since = f"since Istio {difference.since}" if difference.since else "in every release with ambient"
    parts = [
        f"# {difference.code}: {difference.title}",
        f"Direction: {difference.direction.value} · Area: {difference.area.words} · Holds {since}",
        f"## Today\n\n{difference.today}",
        f"## After\n\n{difference.after}",
        f"## When\n\n{difference.reachable}",
        f"## What to do\n\n{difference.fix}",
        "\n\n".join(_examples(difference)),
        f"## In a proof\n\n{_in_a_proof(difference)}",
        f"## In the lab\n\n{_in_the_lab(difference.code)}",
        "## See also\n\n" + "\n".join(f"- {_source(each)}" for each in difference.sources),
    ]
    return "\n\n".join(parts) + "\n"


def _row(difference: Difference) -> str:
    link = f"[{difference.code}]({difference.code}.md)"
    return f"| {' | '.join((link, difference.direction.value, difference.title, *_told(difference.code)))} |"


def _told(code: str) -> tuple[str, str, str]:
    row = _PROVED.get(code)
    if row is not None:
        return _words(row.found), _words(row.found_back), row.end.value
    return ("undecided", "undecided", "undecided") if code in OPAQUE else ("-", "-", "-")


def _words(directions: tuple[Direction, ...]) -> str:
    return ", ".join(each.value for each in directions) or "-"


def _in_a_proof(difference: Difference) -> str:
    row = _PROVED.get(difference.code)
    if row is None and difference.code in OPAQUE:
        return "`sidestep prove` is undecided on every way that only one of the meshes has it on, and names the object."
    if row is None:
        return f"No proof shows it: {difference.undecidable}."
    there, back = (" and ".join(each.value for each in found) for found in (row.found, row.found_back))
    found = f"it as {there}, and as {back} on the way back to sidecars" if row.found else "nothing, for nothing differs"
    return f"`sidestep prove` finds {found}.\n\n{_left(row)}"


def _in_the_lab(code: str) -> str:
    if code in UNSHOWN:
        return f"Packets of a lab do not show it: {UNSHOWN[code]}."
    names = "; ".join(each.name for each in scenes_of(code))
    return f"`sidestep lab demo {code}` shows it by packets: {names}."


def _left(row: Proved) -> str:
    """What is left after a plan and a conversion."""
    by = f" (rewrites {', '.join(f'[{each}](../rewrites/{each}.md)' for each in row.rewrites)})" if row.rewrites else ""
    staying = f" {', '.join(row.staying)} keeps its sidecar." if row.staying else ""
    start = f"The example, planned and converted{by}"
    if row.end is Conclusion.EQUAL:
        return f"{start}, is proved equal, without a waypoint and with one.{staying}"
    told = (
        f"`convert` tells it as a loss ({row.told.value})"
        if row.told is not None
        else "no loss tells it, but `convert --prove` refuses to write it"
        if row.end is Conclusion.DIFFERS
        else "`convert --prove` refuses to write it"
    )
    return f"{start}, is not always equal: {row.why}; {told}.{staying}"


def _source(source: str) -> str:
    return f"<{source}>" if source.startswith("https://") else f"`{source}`"


def _examples(difference: Difference) -> Iterator[str]:
    if not difference.decidable:
        yield f"## Example\n\nNo decision about one request shows it: {difference.undecidable}."
    for case in CASES:
        if case.code == difference.code and (difference.decidable or difference.direction is Goes.OBSERVED):
            yield from _example(case)


def _example(case: Case) -> Iterator[str]:
    before, after = case.index(case.before), case.index(case.after)
    yield f"## Example: {case.name}"
    yield _workloads(case, before, after)
    yield from _objects(case)
    yield f"Request: {request_words(case.request)}."
    reports = [(name, index, decide(index, case.request)) for name, index in (("Today", before), ("After", after))]
    delivered = [_delivered(decision) for _, _, decision in reports]
    for (name, mesh, decision), got in zip(reports, delivered, strict=True):
        told = got if delivered[0] != delivered[1] and all(delivered) else ""
        yield _state(state_report(name, decision, mesh.settings.bundle), told)


def _workloads(case: Case, before: MeshIndex, after: MeshIndex) -> str:
    sides = [(_modes(index), _templates(objects)) for index, objects in ((before, case.before), (after, case.after))]
    names = dict.fromkeys(name for modes, _ in sides for name in modes)
    rows = [f"| {name} | {' | '.join(_side(name, modes, templates) for modes, templates in sides)} |" for name in names]
    return "\n".join(("| workload | today | after |", "| --- | --- | --- |", *rows))


def _modes(index: MeshIndex) -> dict[str, str]:
    return {str(ref): group[0].mode_in_words for ref, group in index.workloads.items() if group[0].account != "istiod"}


def _templates(objects: tuple[Object, ...]) -> dict[str, Object]:
    found = [each for each in objects if each["kind"] == "Deployment"]
    return {
        f"Deployment {each['metadata']['namespace']}/{each['metadata']['name']}": each["spec"]["template"]["metadata"]
        for each in found
    }


def _side(name: str, modes: dict[str, str], templates: dict[str, Object]) -> str:
    if name not in modes:
        return "-"
    metadata = templates.get(name, {})
    labels = {key: value for key, value in metadata.get("labels", {}).items() if _is_telling(key)}
    told = [f"`{key}: {value}`" for key, value in {**labels, **metadata.get("annotations", {})}.items()]
    return ", ".join([modes[name], *told])


def _is_telling(label: str) -> bool:
    """Whether a label is part of the example, and not what every pod or every waypoint has."""
    return label not in _OWN_LABELS and not label.startswith(("gateway.", "sidecar.", "istio.io/dataplane"))


def _objects(case: Case) -> Iterator[str]:
    before, after = _config(case.before), _config(case.after)
    both = [each for each in before if each in after]
    for title, objects in (
        ("In both", both),
        ("Today", [each for each in before if each not in both]),
        ("After", [each for each in after if each not in both]),
    ):
        if objects:
            text = yaml.safe_dump_all(objects, sort_keys=False, default_flow_style=None, width=110)
            yield f"{title}:\n\n```yaml\n{text.rstrip()}\n```"


def _config(objects: tuple[Object, ...]) -> list[Object]:
    """Without pods, their controllers, and what the server fills in."""
    found = []
    for each in objects:
        name = each["metadata"]["name"]
        if each["kind"] in _PODS or (each["kind"] == "Deployment" and name != "istiod"):
            continue
        metadata = {key: value for key, value in each["metadata"].items() if key not in _SERVER_SIDE and value}
        found.append({**{key: value for key, value in each.items() if key != "status"}, "metadata": metadata})
    return found


def _state(report: StateReport, delivered: str) -> str:
    lines = [f"{report.state}, **{report.verdict}**: {_safe(report.why)}."]
    if report.ways:
        lines += [f"- {way.destination}: {way.verdict}" for way in report.ways]
    lines += ["", *(f"{number}. {_hop(hop)}" for number, hop in enumerate(report.path, 1))]
    if report.route is not None:
        lines += ["", f"Route: {_route(report.route)}."]
    if delivered:
        lines += ["", delivered]
    return "\n".join(lines)


def _hop(hop: HopReport) -> str:
    """Where it is, and how the request came there; a client's own proxy gets it from the client itself."""
    own = hop.identity is not None and hop.mode == Transport.PLAINTEXT
    peer = f" as `{hop.identity}`" if hop.identity else ""
    by = "" if hop.proxy == Proxy.NONE else f", {hop.mode}{peer}"
    came = "" if own or not hop.port else f"{by}, port {hop.port}"
    why = "; ".join(_safe(each) for each in hop.why)
    return f"{hop.proxy} ({hop.at}{came}){': ' + why if why else ''}"


def _route(route: dict[str, Any]) -> str:
    chosen = route.get("object")
    by = (
        f"{chosen['kind']} {chosen['namespace']}/{chosen['name']} {route.get('rule', '')}"
        if chosen
        else route["source"]
    )
    told = [by.strip()]
    told += [
        f"to {each['host']}{' ' + each['subset'] if each.get('subset') else ''}" for each in route.get("backends", ())
    ]
    if route.get("rewritePath"):
        told.append(f"path becomes `{route['rewritePath']}`")
    if retries := (route.get("retries") or {}).get("attempts"):
        told.append(f"{retries} retries")
    told += [f"`{each}`" for each in route.get("trafficPolicy", ())]
    return ", ".join(told)


def _delivered(decision: Decision) -> str:
    got = decision.branches[0].delivered
    if got is None:
        return ""
    headers = ", ".join(f"`{name}: {value}`" for name, value in got.headers.items()) or "no such headers"
    return f"The application gets `{got.method} {got.path}` with {headers}."


def _safe(text: str) -> str:
    """Text in which nothing is markup."""
    return text.replace("*", "\\*").replace("<", "&lt;")


def problems() -> Iterator[str]:
    """Where what is committed is not what the code makes."""
    wanted = pages()
    for path, text in wanted.items():
        if not path.exists() or path.read_text() != text:
            yield f"docs/differences/{path.name} is not what the code generates: run tools/check_docs.py --write"
    yield from (
        f"docs/differences/{path.name} is about no difference" for path in FOLDER.glob("*.md") if path not in wanted
    )


def main() -> None:
    """Write them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in pages().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
