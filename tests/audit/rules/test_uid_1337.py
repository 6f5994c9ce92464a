from tests.support.mesh import Sidecar, annotations_on, app, findings, inject, pod, workload

from sidestep.audit.rules.uid_1337 import RULE


def running_as(user, whole=None):
    plain = app("cart")
    plain["spec"]["containers"][0]["securityContext"] = {} if user is None else {"runAsUser": user}
    if whole is not None:
        plain["spec"]["securityContext"] = {"runAsUser": whole}
    return workload(inject(plain, Sidecar()), declared=plain)


def test_reports_the_container():
    (found,) = findings(RULE, *running_as(1337))
    assert found.message.startswith("app runs as user 1337")


def test_reports_the_user_of_the_whole_pod():
    assert len(findings(RULE, *running_as(None, whole=1337))) == 1


def test_silent_on_the_proxy_itself():
    assert findings(RULE, *running_as(None)) == []


def test_silent_outside_the_mesh():
    plain = app("cart")
    plain["spec"]["securityContext"] = {"runAsUser": 1337}
    assert findings(RULE, *workload(plain)) == []


def test_silent_in_ambient_where_no_user_passes_by():
    plain = annotations_on(app("cart"), {"ambient.istio.io/redirection": "enabled"})
    plain["spec"]["securityContext"] = {"runAsUser": 1337}
    assert findings(RULE, *workload(plain)) == []


def test_silent_on_what_the_injector_adds_where_no_template_was_read():
    assert findings(RULE, pod(inject(app("cart"), Sidecar(native=False)))) == []


def test_boundary_an_init_container_that_ends_is_a_remark():
    plain = app("cart")
    plain["spec"]["initContainers"] = [{"name": "fetch", "image": "x", "securityContext": {"runAsUser": 1337}}]
    (found,) = findings(RULE, *workload(inject(plain, Sidecar()), declared=plain))
    assert (found.severity, found.message.startswith("fetch runs as")) == ("info", True)
    plain["spec"]["initContainers"][0]["restartPolicy"] = "Always"
    (found,) = findings(RULE, *workload(inject(plain, Sidecar()), declared=plain))
    assert found.severity == "warning"


def test_boundary_the_containers_own_user_wins_and_neighbours_are_fine():
    assert findings(RULE, *running_as(1000, whole=1337)) == []
    assert findings(RULE, *running_as(1336)) == []
    assert findings(RULE, *running_as(0)) == []
