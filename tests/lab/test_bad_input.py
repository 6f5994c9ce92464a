"""What cannot run is said in words, with what to do, and nothing of it is left."""

import os

import pytest
from tests.support.lab_command import shell
from tests.support.labs import ambient, eventually, lab, workload

from sidestep.errors import WorldError
from sidestep.lab.api import messages as api

pytestmark = pytest.mark.real

SHOP = "docs/examples/lab.yaml"
FULL = 'mount -t tmpfs -o size={} none "$TMPDIR" && exec "$@"'


@pytest.fixture
def user():
    with shell() as made:
        yield made


def refused(user, *arguments, prefix=(), **changes):
    """What a lab that does not come up says; nothing of it is left."""
    process = user.start("up", *(arguments or (SHOP,)), "--nodes", "1", "--detach", prefix=prefix, **changes)
    out, err = process.communicate(timeout=100)
    assert (process.returncode, out) == (1, "")
    assert "Traceback" not in err
    assert user.left() == []
    return err


def test_without_nftables(user):
    (user.home / "lib").mkdir()
    (user.home / "lib" / "libnftables.so.1").write_text("no library")
    told = refused(user, LD_LIBRARY_PATH=str(user.home / "lib"))
    assert "the lab needs nftables" in told
    assert "apt-get install libnftables1" in told


def test_with_too_few_files(user):
    told = refused(user, prefix=["prlimit", "--nofile=200:200"])
    assert "only 200 files" in told
    assert "ulimit -Hn" in told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make a limit for others")
def test_where_namespaces_are_used_up(user):
    limited = 'echo 0 > /proc/sys/user/max_net_namespaces && exec "$@"'
    told = refused(user, prefix=["unshare", "--user", "--map-root-user", "sh", "-c", limited, "sh"])
    assert "may not make network namespaces here: the limit is reached" in told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_where_no_room_is_left(user):
    full = ["unshare", "--mount", "sh", "-c", FULL.format("16k"), "sh"]
    told = refused(user, SHOP, "--timeout", "15s", prefix=full)
    assert "o space left" in told or "no space is left" in told


def test_another_program_in_envoys_place():
    with pytest.raises(WorldError, match="this is no Envoy"), lab(envoy="/bin/true"):
        pass
    with pytest.raises(WorldError, match="Envoy cannot be started"), lab(envoy="/nowhere/envoy"):
        pass


def test_an_older_envoy(tmp_path):
    old = tmp_path / "envoy"
    old.write_text("#!/bin/sh\necho 'envoy  version: 0123456789/1.20.0/Clean/RELEASE/BoringSSL'\n")
    old.chmod(0o755)
    with pytest.raises(WorldError, match=r"Envoy 1\.20 is too old"), lab(envoy=str(old)):
        pass


NEVER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: nothing}
spec: {template: {metadata: {labels: {app: nothing}}, spec: {}}}
---
apiVersion: v1
kind: Pod
metadata: {name: nowhere}
spec: {nodeSelector: {disk: fast}, containers: [{name: a, image: b}]}
---
apiVersion: v1
kind: Pod
metadata: {name: twice}
spec:
  containers:
    - {name: one, ports: [{containerPort: 8080}]}
    - {name: two, ports: [{containerPort: 8080}]}
"""


def test_pods_that_can_never_run_are_named_with_the_reason(user):
    manifest = user.home / "never.yaml"
    manifest.write_text(NEVER)
    told = refused(user, manifest, "--timeout", "12s")
    assert "it has no containers" in told
    assert "no node will do: {'disk': 'fast'}" in told
    assert "container two: port 8080 is taken by another container" in told
    assert "pods default/nowhere on no node is not ready" in told


def test_it_may_stay_up_all_the_same(user):
    manifest = user.home / "never.yaml"
    manifest.write_text(NEVER)
    done = user.run("up", manifest, "--nodes", "1", "--detach", "--timeout", "12s", "--partial")
    assert done.returncode == 0, done.stderr
    assert "1 of 3 pods ready" in done.stderr or "(1 ready" in done.stderr
    user.says("down")
    assert user.left() == []


MALFORMED = """
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {ports: none}
---
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
spec: {size: 7}
---
apiVersion: v1
kind: Pod
metadata: {name: c}
spec: 7
---
kind: Pod
"""


def test_what_is_malformed_is_left_out_by_file_and_line(user):
    manifest = user.home / "malformed.yaml"
    manifest.write_text(MALFORMED)
    done = user.run("up", manifest, SHOP, "--nodes", "1", "--detach")
    assert done.returncode == 0, done.stderr
    assert f"{manifest}:2: malformed" in done.stderr
    assert f"{manifest}:12: malformed" in done.stderr
    assert "note: 1 Widget has no effect: nothing in the lab reads them" in done.stderr


@pytest.fixture(scope="module")
def shop():
    with lab(ambient("shop"), *workload("web"), *workload("cart")) as made:
        yield made


WRONG = (None, 7, "x", [1], {"a": 1}, -1, 70_000)


def places(tree, path=()):
    """Every place in a tree, from the outside in."""
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield (*path, key)
        yield from places(value, (*path, key))


def altered(tree, path, value):
    """A copy with something else at a place."""
    copied = dict(tree) if isinstance(tree, dict) else list(tree)
    copied[path[0]] = value if len(path) == 1 else altered(tree[path[0]], path[1:], value)
    return copied


SOUND = [
    *workload("victim"),
    {"apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry", "metadata": {"name": "victim", "namespace": "shop"},
     "spec": {"hosts": ["a.example.com"], "resolution": "STATIC", "ports": [{"number": 80, "name": "http"}],
              "endpoints": [{"address": "192.0.2.4"}]}},
    {"apiVersion": "security.istio.io/v1", "kind": "AuthorizationPolicy", "metadata": {"name": "victim", "namespace": "shop"},
     "spec": {"action": "DENY", "selector": {"matchLabels": {"app": "victim"}}, "rules": [
         {"from": [{"source": {"principals": ["a"]}}], "to": [{"operation": {"ports": ["80"]}}]}]}},
    {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication", "metadata": {"name": "victim", "namespace": "shop"},
     "spec": {"selector": {"matchLabels": {"app": "victim"}}, "mtls": {"mode": "STRICT"}}},
]  # fmt: skip


def test_no_malformed_object_harms_the_others(shop):
    """Each field of each kind in turn is something else; whoever is sound goes on, and no part of the lab fails."""
    wrong = [
        altered(tree, path, value)
        for tree in SOUND
        for path in places(tree["spec"], ("spec",))
        for value in WRONG
        if (path[-1], value) != ("replicas", 70_000)
    ]
    assert len(wrong) > 200
    for tree in wrong:
        shop.apply(tree)
    shop.client.ask(api.Delete(SOUND))
    assert all(each.ok for each in shop.call("shop/web", "http://cart/", 5))
    assert {each["restarts"] for each in shop.client.ask(api.Top(0.1))} == {0}
    shop.settle()
    machine = (shop.scratch.logs / "machine.log").read_text()
    assert "Traceback" not in machine
    assert "a fault in the lab itself" not in machine


def test_a_service_that_selects_nothing_refuses_and_one_with_an_impossible_port_harms_no_other(shop):
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "none", "namespace": "shop"}}
    shop.apply({**service, "spec": {"selector": {"app": "nobody"}, "ports": [{"port": 80}]}})
    assert eventually(lambda: shop.call("shop/web", "http://none/")[0].kind == "reset")
    shop.apply({**service, "spec": {"selector": {"app": "web"}, "ports": [{"port": -80}, {"port": 99_999}]}})
    shop.apply(*workload("late"))
    shop.settle()
    assert shop.call("shop/web", "http://late/")[0].ok


def test_a_pod_that_listens_where_the_proxy_would_is_not_captured_and_says_so(shop):
    """As in a cluster, where ztunnel cannot listen in it; nobody else is touched, and what it listens at is named."""
    held = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "held", "namespace": "plain"},
            "spec": {"containers": [{"name": "main", "ports": [{"containerPort": 15008}]}]}}  # fmt: skip
    shop.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "plain"}}, held, *workload("other", "plain")
    )
    shop.settle()
    shop.client.ask(api.Label("namespaces", "", "plain", {"istio.io/dataplane-mode": "ambient"}))
    assert eventually(lambda: any("it listens at port 15008 itself" in each for each in shop.client.ask(api.Status())["said"]))  # fmt: skip
    assert shop.call("shop/web", "http://other.plain/")[0].ok
    shop.client.ask(api.Label("namespaces", "", "plain", {"istio.io/dataplane-mode": None}))
    shop.client.ask(api.Delete([held]))
    shop.settle()


def test_addresses_of_another_cluster_are_not_taken_over_and_so_cannot_collide(user):
    manifest = user.home / "same.yaml"
    manifest.write_text("---".join(_OF_A_CLUSTER.format(name=each) for each in ("one", "two")))
    done = user.run("up", manifest, "--nodes", "1", "--detach")
    assert done.returncode == 0, done.stderr
    assert [user.says("call", "default/one", f"default/{each}").count(f"by default/{each}") for each in ("one", "two")] == [1, 1]  # fmt: skip


_OF_A_CLUSTER = """
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: default, uid: same}}
spec: {{clusterIP: 10.96.0.50, clusterIPs: [10.96.0.50], selector: {{app: {name}}}, ports: [{{port: 80, targetPort: 8080}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: default, labels: {{app: {name}}}, uid: same}}
spec: {{containers: [{{name: main, image: nobody/has-this, ports: [{{containerPort: 8080}}]}}]}}
status: {{podIP: 10.128.0.9, podIPs: [{{ip: 10.128.0.9}}], phase: Running}}
"""


def test_twenty_thousand_objects_come_up(user):
    manifest = user.home / "many.yaml"
    manifest.write_text("---\n".join(_MAP.format(at) for at in range(20_000)))
    done = user.run("up", manifest, SHOP, "--nodes", "1", "--detach", "--timeout", "300s")
    assert done.returncode == 0, done.stderr
    assert user.says("call", "shop/web", "shop/orders").startswith("ok 200")


_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m-{0}, namespace: n-{0}}}\ndata: {{a: b}}\n"
