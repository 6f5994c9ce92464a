from tests.support.mesh import Sidecar, app, findings, inject, labelled, o, pod, workload

from sidestep.audit.rules.job_classic_sidecar import RULE
from sidestep.model.mesh import SourceKind


def job(template):
    owner = o.owner("Job", "once", "batch/v1")
    made = o.thing("batch/v1", "Job", o.meta("once", "shop"), spec={"template": app("once")})
    return made, pod(template, "once-1", owner=owner)


def test_reports_a_classic_sidecar_on_a_job():
    (found,) = findings(RULE, *job(inject(app("once"), Sidecar(native=False))))
    assert found.object.kind == "Job"
    assert "never complete" in found.message


def test_silent_on_a_native_sidecar():
    assert findings(RULE, *job(inject(app("once"), Sidecar(native=True)))) == []


def test_silent_on_a_job_without_sidecar():
    assert findings(RULE, *job(app("once"))) == []


def test_silent_on_a_deployment():
    assert findings(RULE, *workload(inject(app("cart"), Sidecar(native=False)))) == []


def test_silent_on_pods_that_ended_and_on_what_is_only_foreseen():
    objects = job(inject(app("once"), Sidecar(native=False)))
    ended = {**objects[1], "status": {"phase": "Succeeded"}}
    assert findings(RULE, objects[0], ended) == []
    enabled = labelled("shop", {"istio-injection": "enabled"})
    assert findings(RULE, enabled, objects[0], kind=SourceKind.FILES) == []


def test_boundary_a_classic_sidecar_written_into_the_template_is_known_before_it_runs():
    written = inject(app("once"), Sidecar(native=False))
    made = o.thing("batch/v1", "Job", o.meta("once", "shop"), spec={"template": written})
    assert len(findings(RULE, made)) == 1


def test_boundary_a_job_of_a_cron_job_is_reported_as_the_cron_job():
    owners = o.owner("CronJob", "nightly", "batch/v1")
    made = o.thing("batch/v1", "Job", o.meta("nightly-1", "shop", ownerReferences=owners), spec={"template": app("x")})
    running = pod(inject(app("x"), Sidecar(native=False)), "nightly-1-a", owner=o.owner("Job", "nightly-1", "batch/v1"))
    (found,) = findings(RULE, made, running)
    assert (found.object.kind, found.object.name) == ("CronJob", "nightly")
