"""What a lab told once (`tests/lab/test_service_graph.py`, `mixed`): counters of its proxies, and spans."""

import re
from pathlib import Path

import msgspec

from sidestep.lab.graph.counted import of_connections, of_requests
from sidestep.lab.graph.joined import Known
from sidestep.lab.graph.result import Mesh
from sidestep.lab.graph.sightings import App
from sidestep.lab.metrics import counting, labelled, requested
from sidestep.lab.metrics.counting import Series
from sidestep.lab.metrics.requested import Of, Told
from sidestep.lab.traces.spans import Span

HERE = Path(__file__).parent
SAMPLE = re.compile(r"^(\w+)\{(.*)\} (\d+)$")
MODES = {
    Mesh.SIDECAR: ("shop/web", "shop/cart", "shop/db"),
    Mesh.AMBIENT: ("fleet/ship", "fleet/dock", "fleet/shut", "fleet/log"),
    Mesh.WAYPOINT: ("fleet/waypoint",),
    Mesh.NONE: ("plain/job", "plain/task"),
}
APPS = {name: App(*name.split("/")) for names in MODES.values() for name in names}
KNOWN = Known(
    {APPS[name]: frozenset({mode}) for mode, names in MODES.items() for name in names},
    {f"{app.name}.{app.namespace}.svc.cluster.local": frozenset({app}) for app in APPS.values()},
)
ADDRESSES = {
    "10.128.16.4": "fleet/dock", "10.128.16.5": "fleet/log", "10.128.0.4": "fleet/ship", "10.128.0.5": "fleet/shut", "10.128.0.6": "plain/job",
    "10.128.16.6": "plain/task", "10.128.0.3": "shop/cart", "10.128.16.3": "shop/db", "10.128.16.2": "shop/web",
}  # fmt: skip


def at(address: str) -> App | None:
    return APPS.get(ADDRESSES.get(address, ""))


def spans() -> list[Span]:
    return [msgspec.json.decode(line, type=Span) for line in (HERE / "spans.jsonl").read_bytes().splitlines()]


def counted():
    """Sightings of all proxies."""
    connections: dict[Series, int] = {}
    told = Told({}, {}, {})
    for line in (HERE / "metrics.txt").read_text().splitlines():
        found = SAMPLE.match(line)
        assert found is not None
        labels = dict(re.findall(r'(\w+)="([^"]*)"', found[2]))
        if "node" in labels:
            values = tuple(labels.get(each, "unknown") for each in counting.LABELS)
            connections[Series(found[1], labels["node"], values)] = int(found[3])
            continue
        of = Of(labels["pod"], tuple(labels.get(each, "unknown") for each in labelled.LABELS))
        if found[1] == requested.TOTAL:
            told.totals[of] = int(found[3])
        else:
            told.connections[found[1], of] = int(found[3])
    waypoint = APPS["fleet/waypoint"]
    return [*of_connections(connections), *of_requests(told, lambda pod: waypoint if "waypoint" in pod else App())]
