from tests.support.mesh import Sidecar, app, findings, inject, workload

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


def test_boundary_the_containers_own_user_wins_and_neighbours_are_fine():
    assert findings(RULE, *running_as(1000, whole=1337)) == []
    assert findings(RULE, *running_as(1336)) == []
    assert findings(RULE, *running_as(0)) == []
