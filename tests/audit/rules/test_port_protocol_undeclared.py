import pytest
from tests.support.mesh import findings, namespace, o

from sidestep.audit.rules.port_protocol_undeclared import RULE

WAYPOINT = o.waypoint("waypoint", "shop")


def served(bound=True, **port):
    made = o.service("db", "shop", labels={"istio.io/use-waypoint": "waypoint"} if bound else {})
    made["spec"]["ports"] = [{"port": 8080, "protocol": "TCP", **port}]
    return made


def found_on(**port):
    return findings(RULE, namespace("shop"), WAYPOINT, served(**port))


def test_reports_a_port_without_protocol():
    (found,) = found_on(name="web")
    assert found.severity == "info"
    assert "port 8080 (web)" in found.message


@pytest.mark.parametrize("port", [{"port": 21}, {"port": 13306, "targetPort": 3306}, {"port": 2525, "targetPort": 25}])
def test_reports_servers_that_speak_first(port):
    (found,) = found_on(**port)
    assert found.severity == "warning"
    assert "hang" in found.message


@pytest.mark.parametrize(
    "port", [{"name": "http"}, {"name": "grpc-api"}, {"appProtocol": "kubernetes.io/h2c"}, {"appProtocol": "TCP"},
             {"name": "web", "appProtocol": "mysql"}, {"protocol": "UDP"}],
)  # fmt: skip
def test_silent_on_declared_protocols(port):
    assert found_on(**port) == []


def test_silent_without_a_waypoint():
    assert findings(RULE, namespace("shop"), WAYPOINT, served(bound=False, name="web")) == []


@pytest.mark.parametrize("number", [25, 3306, 27017])
def test_boundary_istio_takes_these_numbers_for_tcp(number):
    assert found_on(port=number) == []


def test_boundary_a_name_that_only_looks_like_one():
    assert len(found_on(name="httpx")) == 1
    assert len(found_on(name="http", appProtocol="custom")) == 1, "appProtocol alone counts where there is one"
