"""A lab whose nodes' proxy is a ztunnel: how it is started and told of pods, by a stand-in; what it does, by Istio's own.

Istio's own is used where `SIDESTEP_ZTUNNEL` names it, or it is on the PATH.
"""

import json
import os
import shutil
import socket
import sys
from pathlib import Path

import pytest
from tests.support.labs import AMBIENT, ambient, eventually, lab, namespace, workload

from sidestep.controlplane.process import SOCKET
from sidestep.errors import UsageError
from sidestep.lab.api import messages as api
from sidestep.lab.ztunnel import check

pytestmark = pytest.mark.real

ZTUNNEL = os.environ.get("SIDESTEP_ZTUNNEL") or shutil.which("ztunnel")
needs_ztunnel = pytest.mark.skipif(not ZTUNNEL, reason="no ztunnel: SIDESTEP_ZTUNNEL names none, and PATH has none")
_ROOT = Path(__file__).parents[2]


@pytest.fixture
def stand_in(tmp_path):
    program = tmp_path / "ztunnel"
    program.write_text(f"#!/bin/sh\nPYTHONPATH={_ROOT} exec {sys.executable} -m tests.support.ztunnel_stand_in\n")
    program.chmod(0o755)
    return str(program)


def told(made, node):
    """What the stand-in of a node wrote last."""
    path = made.scratch.node(node) / "zds.sock.told"
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {"pods": {}, "signed": {}, "services": [], "env": {}}


def uids(made, space):
    every = made.client.ask(api.List("pods", space))
    return {each["metadata"]["uid"]: each["spec"]["nodeName"] for each in every}


def test_it_is_told_of_pods_before_they_are_captured_and_when_they_are_no_more(stand_in):
    objects = [ambient("shop"), *workload("web"), *workload("cart", replicas=2), *workload("old", "out")]
    with lab(*objects, ztunnel=stand_in) as made:
        placed = uids(made, "shop")
        for node in ("node-1", "node-2"):
            own = {uid for uid, where in placed.items() if where == node}
            assert eventually(lambda node=node, own=own: told(made, node)["pods"].keys() == own)
        assert all(each["right"] for each in made.client.ask(api.Verify()))
        assert eventually(lambda: all(len(told(made, node)["signed"]) for node in set(placed.values())))
        env = told(made, "node-1")["env"]
        assert env["PROXY_MODE"] == "shared"
        assert env["NODE_NAME"] == "node-1"
        assert eventually(lambda: "out/old.out.svc.cluster.local" in told(made, "node-1")["services"])

        made.client.ask(api.Label("namespaces", "", "shop", {"istio.io/dataplane-mode": None}))
        made.settle()
        assert eventually(lambda: not told(made, "node-1")["pods"] and not told(made, "node-2")["pods"])
        made.client.ask(api.Label("namespaces", "", "shop", AMBIENT))
        made.settle()
        assert eventually(lambda: {*told(made, "node-1")["pods"], *told(made, "node-2")["pods"]} == set(placed))


def test_a_new_one_is_told_of_all_pods_and_asks_for_nothing_twice(stand_in):
    with lab(ambient("shop"), *workload("web"), ztunnel=stand_in, node_count=1) as made:
        before = told(made, "node-1")["pods"]
        made.client.ask(api.Fault("ztunnel/node-1", "kill"))
        (made.scratch.node("node-1") / "zds.sock.told").unlink()
        assert eventually(lambda: told(made, "node-1")["pods"] == before)
        made.settle()


def test_a_program_that_is_none_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no such program"):
        check(tmp_path / "nothing")
    (tmp_path / "text").touch(mode=0o644)
    with pytest.raises(UsageError, match="may not be run"):
        check(tmp_path / "text")


def policy(name, space, spec):
    meta = {"name": name, "namespace": space}
    return {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": meta, "spec": spec}


def strict(space):
    meta = {"name": "default", "namespace": space}
    spec = {"mtls": {"mode": "STRICT"}}
    return {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication", "metadata": meta, "spec": spec}


@pytest.fixture(scope="module")
def shop():
    objects = [
        *(ambient("shop"), *workload("web"), *workload("other"), *workload("cart", replicas=2)),
        *(namespace("out"), *workload("old", "out")),
    ]
    with lab(*objects, ztunnel=str(ZTUNNEL)) as made:
        yield made


def kinds(made, client, url, count=10):
    return {each.kind for each in made.call(client, url, count)}


@needs_ztunnel
def test_istios_own_carries_what_the_mesh_says(shop):
    assert all(each["right"] for each in shop.client.ask(api.Verify()))
    for client, url in {
        "shop/web": "http://cart/",
        "shop/other": "http://cart.shop.svc.cluster.local/",
        "out/old": "http://cart.shop/",
    }.items():
        assert kinds(shop, client, url) == {"ok"}, client
    assert kinds(shop, "shop/web", "http://old.out/") == {"ok"}
    assert kinds(shop, "shop/web", "http://nobody/", 1) == {"name"}
    identities = {each["identity"].rpartition("/")[2] for each in shop.client.ask(api.Certificates())}
    assert identities == {"web", "other", "cart"}


@needs_ztunnel
def test_istios_own_keeps_the_client_s_address(shop):
    (web,) = [each for each in shop.client.ask(api.List("pods", "shop")) if each["metadata"]["name"].startswith("web")]
    (outcome,) = shop.call("shop/web", "http://cart/")
    assert web["status"]["podIP"] in outcome.body


@needs_ztunnel
def test_istios_own_enforces_policies_from_the_moment_they_have_settled(shop):
    rule = {"rules": [{"from": [{"source": {"principals": ["cluster.local/ns/shop/sa/web"]}}]}]}
    shop.apply(policy("guard", "shop", {"selector": {"matchLabels": {"app": "cart"}}, **rule}))
    shop.settle()
    assert kinds(shop, "shop/web", "http://cart/") == {"ok"}
    assert "ok" not in kinds(shop, "shop/other", "http://cart/")
    assert "ok" not in kinds(shop, "out/old", "http://cart.shop/")
    shop.client.ask(api.Delete([policy("guard", "shop", {})]))
    shop.settle()
    assert kinds(shop, "shop/other", "http://cart/") == {"ok"}


@needs_ztunnel
def test_istios_own_refuses_plaintext_where_mutual_tls_is_asked_for(shop):
    shop.apply(strict("shop"))
    shop.settle()
    assert "ok" not in kinds(shop, "out/old", "http://cart.shop/")
    assert kinds(shop, "shop/web", "http://cart/") == {"ok"}
    shop.client.ask(api.Delete([strict("shop")]))
    shop.settle()
    assert kinds(shop, "out/old", "http://cart.shop/") == {"ok"}


@needs_ztunnel
def test_istios_own_is_enrolled_live_without_one_failed_request(shop):
    shop.client.ask(api.Label("namespaces", "", "out", AMBIENT))
    outcomes = shop.call("out/old", "http://cart.shop/", 200)
    shop.settle()
    assert {each.kind for each in outcomes} == {"ok"}
    assert kinds(shop, "shop/web", "http://old.out/") == {"ok"}
    shop.client.ask(api.Label("namespaces", "", "out", {"istio.io/dataplane-mode": None}))
    shop.settle()
    assert kinds(shop, "out/old", "http://cart.shop/") == {"ok"}


@needs_ztunnel
def test_istios_own_serves_on_without_the_control_plane_and_comes_back_after_its_own_end(shop):
    shop.client.ask(api.Fault("controlplane", "kill"))
    assert kinds(shop, "shop/web", "http://cart/") == {"ok"}
    shop.settle()
    for node in ("node-1", "node-2"):
        shop.client.ask(api.Fault(f"ztunnel/{node}", "kill"))
    assert eventually(lambda: kinds(shop, "shop/web", "http://cart/", 1) == {"ok"})
    shop.settle()
    assert kinds(shop, "shop/web", "http://cart/") == {"ok"}
    assert kinds(shop, "out/old", "http://cart.shop/") == {"ok"}


@needs_ztunnel
def test_istios_own_loses_no_request_while_the_root_is_exchanged(monkeypatch):
    monkeypatch.setenv("SECRET_TTL", "10s")
    with lab(ambient("shop"), *workload("web"), *workload("cart"), ztunnel=str(ZTUNNEL)) as made:
        signers = {each["signer"] for each in made.client.ask(api.Certificates())}
        assert asked(made, "rotate-root") == {"begun": True}
        met: set[str] = set()

        def steady():
            met.update(kinds(made, "shop/web", "http://cart/"))
            trust = asked(made, "status")["trust"]
            return trust["stage"] == "steady" and trust["generation"] not in signers

        assert eventually(steady, 60)
        assert met == {"ok"}


def asked(made, what):
    """The control plane's own answer."""
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(str(made.scratch.control_plane / SOCKET))
        line.sendall(json.dumps({"do": what}).encode() + b"\n")
        with line.makefile() as told:
            return json.loads(told.readline())["result"]
