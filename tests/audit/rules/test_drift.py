from tests.support.mesh import Sidecar, app, findings, gateway, inject, labelled, namespace, o, pod, workload

from sidestep.audit.rules.drift import RULE

ENABLED = {"istio-injection": "enabled"}
INJECTED = inject(app("cart"), Sidecar(revision="default"))


def test_reports_a_sidecar_that_would_not_come_back():
    (found,) = findings(RULE, o.webhook("default"), namespace("shop"), *workload(INJECTED, declared=app("cart")))
    assert "2 of 2 running pods have a sidecar" in found.message


def test_reports_a_sidecar_that_would_come():
    (found,) = findings(RULE, o.webhook("default"), labelled("shop", ENABLED), *workload(app("cart")))
    assert "the next would get one" in found.message


def test_silent_where_pods_and_labels_agree():
    agreeing = (o.webhook("default"), labelled("shop", ENABLED), *workload(INJECTED, declared=app("cart")))
    assert findings(RULE, *agreeing) == []


def test_silent_on_jobs_that_run_once():
    owner = o.owner("Job", "once", "batch/v1")
    job = o.thing("batch/v1", "Job", o.meta("once", "shop"), spec={"template": app("once")})
    objects = (o.webhook("default"), labelled("shop", ENABLED), job, pod(app("once"), "once-1", owner=owner))
    assert findings(RULE, *objects) == []


def test_silent_on_gateways():
    assert findings(RULE, o.webhook("default"), labelled("shop", ENABLED), *workload(gateway("gw"))) == []


def test_boundary_half_restarted_counts_the_old_half():
    halves = (*workload(app("cart"), pods=1), pod(INJECTED, "cart-new", owner=o.owner("ReplicaSet", "cart-abc")))
    (found,) = findings(RULE, o.webhook("default"), labelled("shop", ENABLED), *halves)
    assert "1 of 2 running pods" in found.message


def test_boundary_ended_pods_do_not_count():
    objects = (o.webhook("default"), labelled("shop", ENABLED), *workload(app("cart"), phase="Succeeded"))
    assert findings(RULE, *objects) == []
