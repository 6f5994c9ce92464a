"""An audit of hashed names counts, costs and finds the same, whatever things are called."""

from collections import Counter

import pytest
from tests.support import mesh as m
from tools.meshgen.build import build, objects
from tools.meshgen.config import Config

from sidestep.audit.audit import Request, audit
from sidestep.model.mesh import SourceInfo, SourceKind
from sidestep.model.origin import ClusterOrigin
from sidestep.sources.objects.builder import MeshBuilder
from sidestep.sources.prices import load_prices
from sidestep.sources.snapshot import SnapshotSource, new_hash_key, write_snapshot

PRICES = load_prices()


def generated():
    builder = MeshBuilder()
    for _, texts in objects(build(Config(nodes=20, pods=200))):
        for text in texts:
            builder.add(text.encode(), ClusterOrigin("generated"))
    return builder.build(SourceInfo(SourceKind.CLUSTER, "generated"))


def badly_named():
    """Workloads called like fields of the API."""
    names = ("memory", "cpu", "requests", "name", "host", "route", "http", "metadata", "labels", "spec", "containers")
    node = m.o.node("resources", "m6i.xlarge", (4, 16), "a", "limits")
    made = [node, m.namespace("namespace"), m.o.webhook("default")]
    for name in names:
        made += m.workload(
            m.inject(m.app(name), m.Sidecar()), name, "namespace", declared=m.app(name), node="resources"
        )
        made.append(m.o.istio("VirtualService", name, "namespace", {"hosts": [name], "http": [{"route": []}]}))
    return m.mesh(*made)


@pytest.mark.parametrize("mesh", [generated(), badly_named()], ids=["generated", "badly named"])
def test_hashing_changes_names_and_nothing_else(mesh, tmp_path):
    path = str(tmp_path / "mesh.sidestep")
    write_snapshot(mesh, path, created="2026-01-01T00:00:00Z", tool_version="1", hash_key=new_hash_key())
    before = audit(Request(mesh, PRICES))
    after = audit(Request(SnapshotSource(path).read(), PRICES))
    assert _figures(after) == pytest.approx(_figures(before))
    assert Counter((f.code, f.severity) for f in after.findings) == Counter(
        (f.code, f.severity) for f in before.findings
    )
    assert sorted(row.injection.result for row in after.workloads) == sorted(
        r.injection.result for r in before.workloads
    )


def _figures(found) -> dict[str, float]:
    totals, ambient = found.totals, found.ambient
    return {
        "pods": totals.pods,
        "classic": totals.sidecars.classic,
        "native": totals.sidecars.native,
        "waypoints": totals.waypoints,
        "cpu": totals.requested.cpu_millis,
        "memory": totals.requested.memory_bytes,
        "requested": totals.monthly.requested,
        "floor": ambient.monthly.floor or 0,
        "available": ambient.monthly.highly_available or 0,
        "layer7": ambient.layer7_namespaces,
    }
