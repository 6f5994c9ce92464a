import pytest
from tests.support.mesh import app, findings, labelled, namespace, o, workload

from sidestep.audit.rules.ingress_dials_pods import RULE

AMBIENT = (labelled("shop", {"istio.io/dataplane-mode": "ambient"}), *workload(app("cart")))
BOUND = (o.waypoint("waypoint", "shop"), o.service("cart", "shop", labels={"istio.io/use-waypoint": "waypoint"}))


def controller(image):
    made = app("ingress")
    made["spec"]["containers"][0]["image"] = image
    return workload(made, "ingress", "ingress")


@pytest.mark.parametrize(
    ("image", "product"),
    [
        ("registry.k8s.io/ingress-nginx/controller:v1.13.0@sha256:abc", "ingress-nginx"),
        ("traefik:v3.5", "Traefik"),
        ("registry.example.com:5000/mirror/traefik", "Traefik"),
        ("docker.io/bitnami/nginx-ingress-controller:1", "nginx"),
    ],
)
def test_reports_known_controllers(image, product):
    (found,) = findings(RULE, *AMBIENT, *BOUND, *controller(image))
    assert found.message.startswith(f"{product} dials")
    assert found.severity == "warning"
    assert "cannot be seen" in found.message


def test_reports_more_quietly_before_there_is_a_waypoint():
    (found,) = findings(RULE, *AMBIENT, *controller("traefik:v3"))
    assert found.severity == "info"


@pytest.mark.parametrize("image", ["registry.example.com/traefik-docs:1", "nginx:1.29", "registry.example.com/cart:1"])
def test_silent_on_other_images(image):
    assert findings(RULE, *AMBIENT, *BOUND, *controller(image)) == []


def test_boundary_nobody_is_in_the_mesh():
    assert findings(RULE, namespace("shop"), *workload(app("cart")), *controller("traefik:v3")) == []
