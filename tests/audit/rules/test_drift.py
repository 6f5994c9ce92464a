from tests.support.mesh import Sidecar, app, findings, gateway, inject, labelled, namespace, o, pod, workload

from sidestep.audit.rules.drift import RULE
from sidestep.model.gaps import Gap, GapReason
from sidestep.model.kinds import WEBHOOK

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


def test_silent_on_sidecars_written_into_the_template():
    assert findings(RULE, o.webhook("default"), namespace("shop"), *workload(INJECTED)) == []


def test_silent_on_proxyless_pods_that_were_not_injected_and_would_not_be():
    template = app("quotes")
    template["metadata"]["annotations"]["inject.istio.io/templates"] = "grpc-agent"
    template["spec"]["containers"][0]["env"] = [{"name": "GRPC_XDS_BOOTSTRAP", "value": "/etc/x.json"}]
    assert findings(RULE, o.webhook("default"), namespace("shop"), *workload(template)) == []


def test_silent_where_the_namespace_was_not_read():
    assert findings(RULE, o.webhook("default"), *workload(INJECTED, declared=app("cart"))) == []


def test_boundary_assumed_webhooks_make_it_a_remark():
    gap = Gap(WEBHOOK.key, GapReason.FORBIDDEN)
    (found,) = findings(RULE, labelled("shop", ENABLED), *workload(app("cart")), gaps=(gap,))
    assert found.severity == "info"
    assert "webhooks were not read" in found.message


def test_boundary_a_bare_pod_is_not_restarted_but_made_anew():
    (found,) = findings(RULE, o.webhook("default"), labelled("shop", ENABLED), pod(app("cart")))
    assert "rollout" not in found.fix
    assert "create it again" in found.fix


def test_silent_on_gateways():
    assert findings(RULE, o.webhook("default"), labelled("shop", ENABLED), *workload(gateway("gw"))) == []


def test_boundary_half_restarted_counts_the_old_half():
    halves = (*workload(app("cart"), pods=1), pod(INJECTED, "cart-new", owner=o.owner("ReplicaSet", "cart-abc")))
    (found,) = findings(RULE, o.webhook("default"), labelled("shop", ENABLED), *halves)
    assert "1 of 2 running pods" in found.message


def test_boundary_ended_pods_do_not_count():
    objects = (o.webhook("default"), labelled("shop", ENABLED), *workload(app("cart"), phase="Succeeded"))
    assert findings(RULE, *objects) == []
