import pytest
from tests.support.mesh import Sidecar, app, findings, inject, labelled, namespace, workload

from sidestep.audit.rules.script_calls_proxy import RULE

WAIT = "until curl -fsI http://localhost:15021/healthz/ready; do sleep 1; done; exec /app"
QUIT = "/app; curl -XPOST http://127.0.0.1:15020/quitquitquit"


def template(command=None, **container):
    made = app("nightly")
    made["spec"]["containers"][0] |= {"command": ["sh", "-c", command]} if command else container
    return made


def of_sidecars(plain, kind="Deployment"):
    return findings(RULE, namespace("shop"), *workload(inject(plain, Sidecar()), kind=kind, declared=plain))


def test_reports_a_loop_that_will_never_end():
    (found,) = of_sidecars(template(WAIT))
    assert found.severity == "warning"
    assert "waits there for ever" in found.message


def test_reports_it_as_broken_where_pods_are_in_ambient():
    ambient = labelled("shop", {"istio.io/dataplane-mode": "ambient"})
    (found,) = findings(RULE, ambient, *workload(template(WAIT)))
    assert found.severity == "error"


def test_reports_a_call_that_only_fails():
    (found,) = of_sidecars(template(QUIT))
    assert found.severity == "info"


@pytest.mark.parametrize(
    "container",
    [
        {"args": ["wget -qO- localhost:15000/quitquitquit"]},
        {"args": ["run; pkill -f pilot-agent"]},
        {"lifecycle": {"preStop": {"exec": {"command": ["curl", "localhost:15020/stats"]}}}},
        {"readinessProbe": {"exec": {"command": ["curl", "[::1]:15021/healthz/ready"]}}},
    ],
)
def test_reports_arguments_hooks_and_probes(container):
    assert len(of_sidecars(template(**container))) == 1


def test_silent_on_other_ports_and_on_the_proxy_itself():
    assert of_sidecars(template("curl localhost:8080; curl cart:15021; echo 115021")) == []
    assert of_sidecars(app("cart")) == []


def test_silent_in_no_mesh():
    assert findings(RULE, namespace("shop"), *workload(template(WAIT))) == []


def test_boundary_a_longer_port_is_another():
    assert of_sidecars(template("curl localhost:150210")) == []
