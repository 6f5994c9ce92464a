"""Samples as their makers wrote them come up, for root and for an ordinary user; what has no effect is said."""

import json
from pathlib import Path

import pytest
from tests.support.lab import ROOT, USERS
from tests.support.lab_command import shell
from tools.meshgen.__main__ import write
from tools.meshgen.config import Config

pytestmark = pytest.mark.real

CORPUS = ROOT.parent / "shared" / "corpus"


def sample(name):
    """A copy that an ordinary user can read; skipped where the samples are not here."""
    folder = CORPUS / name
    if not folder.is_dir():
        pytest.skip(f"no samples at {folder}")
    return folder


@pytest.mark.parametrize(
    ("name", "pods", "client", "url", "calls"),
    [
        ("bookinfo", 7, "productpage", "http://productpage:9080/productpage", {"details", "reviews"}),
        ("online-boutique", 13, "loadgenerator", "http://frontend/", {"cartservice", "adservice", "checkoutservice"}),
    ],
)
def test_a_sample_comes_up_unchanged_and_its_call_graph_answers(name, pods, client, url, calls):
    with shell() as user:
        done = user.run("up", sample(name), "--detach")
        assert done.returncode == 0, done.stderr
        assert f"{pods} pods ({pods} ready" in done.stderr
        assert "has no effect" not in done.stderr
        assert "have no effect" not in done.stderr
        answer = json.loads(user.says("curl", f"default/{client}", url))
        called = {each["url"].split("/")[2].split(":")[0] for each in answer["calls"] if each["ok"]}
        assert calls <= called
        user.says("down")
        assert user.left() == []


def test_a_slice_of_a_generated_mesh_comes_up(tmp_path):
    """Its namespaces ask for sidecars, and get them."""
    write(Config(2, 40, 1, False), tmp_path / "mesh")
    with shell() as user:
        done = user.run("up", tmp_path / "mesh", "--detach", "--timeout", "110s")
        assert done.returncode == 0, done.stderr
        assert "with a sidecar" in done.stderr
        assert "Traceback" not in done.stderr
        rows = json.loads(user.says("verify", "-o", "json"))
        assert rows
        user.says("down")
        assert user.left() == []


@pytest.mark.parametrize("who", USERS)
def test_every_verb_works_for(who):
    with shell(who) as user:
        up = user.run("up", "docs/examples/lab.yaml", "--nodes", "2", "--zones", "2", "--delay", "1ms", "--detach")
        assert up.returncode == 0, up.stderr
        user.says("label", "namespace/shop", "istio.io/dataplane-mode=ambient")
        assert "5 in ambient" in settled(user)
        assert all(each["right"] for each in json.loads(user.says("verify", "-o", "json")))
        assert {row["purpose"] for row in json.loads(user.says("certs", "-o", "json"))} >= {"in"}
        for _ in range(6):
            assert user.says("call", "shop/web", "shop/orders").startswith("ok 200")
        assert "bytes from zone-" in user.says("status")
        assert "nameserver 10.96.0.10" in user.says("exec", "shop/web", "--", "cat", "/etc/resolv.conf")
        assert "orders.shop.svc.cluster.local" in user.says("exec", "shop/web", "--", "getent", "hosts", "orders")
        pods = json.loads(user.says("get", "pods", "-n", "shop", "-o", "json"))
        orders = [f"shop/{each['metadata']['name']}" for each in pods if each["metadata"]["labels"]["app"] == "orders"]
        assert any("200 HTTP/1.1 GET / from 10." in user.says("logs", each) for each in orders)
        assert "envoy/node-1" in user.says("top", "--interval", "100ms")
        assert json.loads(user.says("config-dump", "node-1"))
        user.says("restart", "deployment/stranger", "-n", "shop")
        user.says("fault", "controlplane", "kill")
        user.says("delete", "deployment/stranger", "-n", "shop")
        user.says("down")
        assert user.left() == []


def settled(user):
    """The status, once every pod is as its labels say."""
    for _ in range(200):
        told = user.says("status")
        if "not yet" not in told:
            return told
    return told


def test_the_machines_own_network_is_untouched():
    before = Path("/proc/net/dev").read_text().count(":"), Path("/proc/mounts").read_text()
    with shell() as user:
        user.run("up", "docs/examples/lab.yaml", "--nodes", "1", "--detach")
        during = Path("/proc/net/dev").read_text().count(":"), Path("/proc/mounts").read_text()
        user.says("down")
    assert during == before
