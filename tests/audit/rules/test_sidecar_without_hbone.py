from tests.support.mesh import Sidecar, app, findings, gateway, inject, o, pod, workload

from sidestep.audit.rules.sidecar_without_hbone import RULE


def test_reports_how_many_lack_it():
    mixed = (
        *workload(inject(app("cart"), Sidecar(hbone=False)), pods=1),
        pod(inject(app("cart"), Sidecar(hbone=True)), "cart-new", owner=o.owner("ReplicaSet", "cart-abc")),
    )
    (found,) = findings(RULE, *mixed)
    assert "1 of 2 sidecars" in found.message


def test_silent_where_all_can():
    assert findings(RULE, *workload(inject(app("cart"), Sidecar(hbone=True)))) == []


def test_silent_on_pods_without_sidecar():
    assert findings(RULE, *workload(app("cart"))) == []
    assert findings(RULE, *workload(gateway("gw"))) == []


def test_boundary_a_declared_workload_without_pods_is_not_judged():
    without = inject(app("cart"), Sidecar(hbone=False))
    assert findings(RULE, *workload(without, pods=0)) == []
