from tests.support.mesh import Sidecar, app, findings, inject, workload

from sidestep.audit.rules.proxy_limit_below_use import RULE
from sidestep.model.metadata import WorkloadRef
from sidestep.model.telemetry import ProxyUse, Spread, Telemetry, TelemetryKind

MIB = 2**20
SIDECAR = inject(app("cart"), Sidecar())
CART = WorkloadRef("shop", "Deployment", "cart")


def used(memory=0.0, cpu=0.0, template=SIDECAR):
    spread = Spread(1, 1, 1)
    use = {CART: ProxyUse(spread, spread, memory * MIB, cpu)}
    return findings(RULE, *workload(template), telemetry=Telemetry(TelemetryKind.PROMETHEUS, proxies=use))


def test_reports_memory_at_its_limit():
    (found,) = used(memory=1024)
    assert "peak 1,024 MiB, limit 1,024 MiB" in found.message


def test_reports_cpu_at_its_limit():
    (found,) = used(cpu=2100)
    assert "2,100m, limit 2,000m" in found.message


def test_silent_below():
    assert used(memory=500, cpu=500) == []


def test_silent_without_measurements():
    assert findings(RULE, *workload(SIDECAR)) == []


def test_silent_without_limits():
    assert used(memory=4096, template=inject(app("cart"), Sidecar(resources={}))) == []


def test_boundary_within_five_per_cent():
    assert used(memory=972) == []
    assert len(used(memory=973)) == 1
