"""`sidestep prove` with a cluster as one of its meshes, against a real kube-apiserver."""

import copy
import json

import pytest
from tests.support.commands import sidestep
from tests.support.scenes import pods, policy, service
from tests.support.servers import tolerating

pytestmark = [pytest.mark.real, pytest.mark.xdist_group("apiserver")]

SPACE = "proved"
_PATHS = {
    "Pod": "/api/v1/namespaces/{}/pods",
    "Service": "/api/v1/namespaces/{}/services",
    "AuthorizationPolicy": "/apis/security.istio.io/v1/namespaces/{}/authorizationpolicies",
}


def post(server, tree):
    """Without what the server gives out itself, and without volumes, which it would look for."""
    metadata = {key: value for key, value in tree["metadata"].items() if key not in ("uid", "resourceVersion")}
    spec = copy.deepcopy(tree["spec"])
    for container in (*spec.get("containers", ()), *spec.get("initContainers", ())):
        container.pop("volumeMounts", None)
    with tolerating(409):
        server.send("POST", _PATHS[tree["kind"]].format(SPACE), {**tree, "metadata": metadata, "spec": spec})


@pytest.fixture
def shop(apiserver):
    with tolerating(409):
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}
        apiserver.send("POST", "/api/v1/namespaces", space)
    guard = policy("nobody", space=SPACE, app="cart")
    for tree in (*pods("web", space=SPACE), *pods("cart", space=SPACE), service("cart", SPACE), guard):
        if tree["kind"] in _PATHS:
            post(apiserver, tree)
    yield apiserver
    with tolerating(404):
        apiserver.send("DELETE", f"{_PATHS['AuthorizationPolicy'].format(SPACE)}/nobody")


def test_a_cluster_is_held_against_itself_and_against_what_it_was(shop, tmp_path):
    config, before = ("--kubeconfig", shop.admin()), tmp_path / "before.sidestep"
    same = sidestep("prove", "cluster", "cluster", *config, "-n", SPACE, "-o", "json")
    assert same.returncode == 0, same.stderr
    assert json.loads(same.stdout)["ways"] > 0
    taken = sidestep("snapshot", "--file", before, *config)
    assert taken.returncode == 0, taken.stderr
    shop.send("DELETE", f"{_PATHS['AuthorizationPolicy'].format(SPACE)}/nobody")
    done = sidestep("prove", "--before", before, "--after", "cluster", *config, "-n", SPACE, "-o", "json")
    assert done.returncode == 3, done.stderr
    found = json.loads(done.stdout)["counterexamples"]
    assert {each["direction"] for each in found if not each["accepted"]} == {"open"}
    assert all("--kubeconfig" in each["command"] for each in found)
    asked = sidestep("explain", *found[0]["command"], "-o", "json")
    assert json.loads(asked.stdout)["states"][-1]["verdict"] == "allow", asked.stderr
