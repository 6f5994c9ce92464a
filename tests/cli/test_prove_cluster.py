"""`sidestep prove` with a cluster as one of its meshes, against a real kube-apiserver."""

import copy
import json
import os
import signal
import subprocess

import pytest
import yaml
from tests.support.commands import PROGRAMS, environment, sidestep
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
    for kind, name in (("AuthorizationPolicy", "nobody"), ("Service", "cart")):
        with tolerating(404):
            apiserver.send("DELETE", f"{_PATHS[kind].format(SPACE)}/{name}")


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


def test_files_are_watched_against_a_cluster_that_is_read_once(shop, tmp_path):
    config, files = ("--kubeconfig", shop.admin()), tmp_path / "after"
    files.mkdir()
    for kind, path in _PATHS.items():
        for number, tree in enumerate(shop.send("GET", path.format(SPACE))["items"]):
            tree |= {"kind": kind, "apiVersion": "security.istio.io/v1" if kind == "AuthorizationPolicy" else "v1"}
            (files / f"{kind}-{number}.yaml").write_text(yaml.safe_dump(tree))
    (guard,) = files.glob("AuthorizationPolicy-*.yaml")
    arguments = [PROGRAMS / "sidestep", "prove", "--before", "cluster", "--after", files, *config, "-n", SPACE, "-w"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": environment()}
    with subprocess.Popen([*arguments, "-o", "json"], **pipes) as process:
        told = ""
        while "watching" not in told and process.poll() is None:
            told = process.stderr.readline()
        shop.send("DELETE", f"{_PATHS['AuthorizationPolicy'].format(SPACE)}/nobody")
        guard.unlink()
        while "; proved again" not in told and process.poll() is None:
            told = process.stderr.readline()
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 3, err
    first, at = json.JSONDecoder().raw_decode(out)
    last, _ = json.JSONDecoder().raw_decode(out[at:].lstrip())
    assert (first["verdict"], last["verdict"]) == ("equal", "differs")
    assert {each["direction"] for each in last["counterexamples"]} == {"open"}
