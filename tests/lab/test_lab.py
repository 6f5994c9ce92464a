"""A lab as its user sees it: it comes up, does what objects say, and leaves nothing behind."""

import os
import signal
from pathlib import Path

import pytest
from tests.support.labs import ambient, eventually, lab, workload

from sidestep.errors import TransportError, WorldError
from sidestep.lab.api import messages as api
from sidestep.lab.api.client import Client

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def shop():
    with lab(*workload("web"), *workload("cart", replicas=2)) as made:
        yield made


def pods(made, app):
    every = made.client.ask(api.List("pods", "shop"))
    return [each for each in every if each["metadata"]["labels"].get("app") == app]


def names(made, app):
    return {each["metadata"]["name"] for each in pods(made, app)}


def test_everything_is_ready_and_calls_each_other_by_name(shop):
    status = shop.client.ask(api.Status())
    assert (status["pods"], status["ready"], status["outstanding"]) == (3, 3, [])
    outcomes = shop.call("shop/web", "http://cart/", 20)
    assert {each.kind for each in outcomes} == {"ok"}
    assert {each.pod for each in outcomes} == {f"shop/{name}" for name in names(shop, "cart")}


def test_pods_are_spread_over_nodes(shop):
    assert len({each["spec"]["nodeName"] for each in pods(shop, "cart")}) == 2


def test_both_families_and_names_in_full_lead_there(shop):
    address = pods(shop, "cart")[0]["status"]["podIPs"][1]["ip"]
    for url in (f"http://[{address}]:8080/", "http://cart.shop.svc.cluster.local/", "http://cart.shop/"):
        assert shop.call("shop/web", url)[0].ok, url


def test_a_name_that_nobody_has_is_told_as_such(shop):
    (outcome,) = shop.call("shop/web", "http://nobody/")
    assert (outcome.ok, outcome.kind) == (False, "name")


def test_what_is_measured_over_no_time_is_refused(shop):
    with pytest.raises(WorldError, match="over 0 s"):
        shop.client.ask(api.Top(0))


def test_a_policy_that_cannot_be_read_is_told_by_field(shop):
    policy = {
        "apiVersion": "security.istio.io/v1",
        "kind": "AuthorizationPolicy",
        "metadata": {"name": "broken", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "nobody"}}, "rules": [{"to": [{"operation": {"ports": 80}}]}]},
    }
    shop.apply(policy)
    (told,) = shop.client.ask(api.Status())["misgivings"]
    assert told.startswith("AuthorizationPolicy shop/broken: ")
    assert "rules[0].to[0].operation.ports" in told
    shop.client.ask(api.Delete([policy]))
    assert shop.client.ask(api.Status())["misgivings"] == []


def test_scaling_down_to_nothing_refuses_and_up_again_answers(shop):
    shop.client.ask(api.Scale("deployments.apps", "shop", "cart", 0))
    shop.settle()
    assert eventually(lambda: shop.call("shop/web", "http://cart/")[0].kind == "refused")
    shop.client.ask(api.Scale("deployments.apps", "shop", "cart", 2))
    shop.settle()
    assert eventually(lambda: shop.call("shop/web", "http://cart/")[0].ok)


def test_a_restart_exchanges_all_pods_and_loses_no_request(shop):
    before = names(shop, "cart")
    shop.client.ask(api.Restart("deployments.apps", "shop", "cart"))
    outcomes = shop.call("shop/web", "http://cart/", 200)
    shop.settle()
    assert not before & names(shop, "cart")
    assert {each.kind for each in outcomes} == {"ok"}


def test_what_cannot_be_done_is_said(shop):
    with pytest.raises(WorldError, match="no such object"):
        shop.client.ask(api.Scale("deployments.apps", "shop", "none", 1))
    with pytest.raises(WorldError, match="no such pod"):
        shop.call("shop/none", "http://cart/")
    with pytest.raises(WorldError, match="cannot be scaled"):
        shop.client.ask(api.Scale("services", "shop", "cart", 1))
    with pytest.raises(WorldError, match=r"metadata\.name"):
        shop.apply({"apiVersion": "v1", "kind": "Service", "metadata": {}})


def test_an_agent_that_dies_comes_back_with_its_pods(shop):
    shop.client.ask(api.Fault("agent/node-1", "kill"))
    assert eventually(lambda: "ended with code" in " ".join(shop.client.ask(api.Status())["said"]))
    shop.settle()
    assert all(each.ok for each in shop.call("shop/web", "http://cart/", 10))


def test_a_job_runs_to_its_end(shop):
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "once", "namespace": "shop"},
        "spec": {
            "template": {
                "metadata": {"annotations": {"sidestep.dev/run-time": "0.1"}},
                "spec": {"containers": [{"name": "main", "image": "any"}]},
            }
        },
    }
    shop.apply(job)
    shop.settle()
    (told,) = shop.client.ask(api.List("jobs.batch", "shop"))
    assert told["status"]["succeeded"] == 1


def commanded(kind, name, command, **spec):
    """A Job or a Pod whose only container is a command of the user's."""
    pod = {"restartPolicy": spec.pop("policy", "Never"), "containers": [{"name": "main", "image": "any"}]}
    meta = {"name": name, "namespace": "shop", "annotations": {"sidestep.dev/command": command}}
    if kind == "Pod":
        return {"apiVersion": "v1", "kind": kind, "metadata": meta, "spec": pod}
    template = {"metadata": {"annotations": meta.pop("annotations")}, "spec": pod}
    return {"apiVersion": "batch/v1", "kind": kind, "metadata": meta, "spec": {"template": template, **spec}}


def becomes(made, kind, name, **status):
    """Whether an object comes to have a status."""
    return eventually(
        lambda: any(
            each["metadata"]["name"] == name and status.items() <= each["status"].items()
            for each in made.client.ask(api.List(kind, "shop"))
        )
    )


def test_a_users_command_ends_its_pod_as_it_ends_itself(shop):
    shop.apply(
        commanded("Job", "good", "true", completions=2),
        commanded("Job", "bad", "false", backoffLimit=1),
        commanded("Pod", "done", "true"),
        commanded("Pod", "broken", "false"),
        commanded("Pod", "kept", "true", policy="Always"),
    )
    assert becomes(shop, "jobs.batch", "good", succeeded=2, failed=0)
    assert becomes(shop, "jobs.batch", "bad", succeeded=0, failed=2)
    assert becomes(shop, "pods", "done", phase="Succeeded")
    assert becomes(shop, "pods", "broken", phase="Failed")
    assert eventually(lambda: said(shop, "pod/shop/kept/main: ended with code 0 and is started again"))
    assert said(shop, "pod/shop/broken/main: ended with code 1")
    assert not said(shop, "shop/done/main")
    assert not said(shop, "shop/broken/main: ended with code 1 and is started")
    shop.client.ask(api.Delete([commanded("Pod", "kept", "true")]))


def said(made, words):
    return any(words in each for each in made.client.ask(api.Status())["said"])


def test_a_users_command_outlives_its_nodes_agent_and_runs_once(shop):
    shop.apply(commanded("Pod", "long", "sh -c 'echo began; exec sleep 1000'", policy="Always"))
    shop.settle()
    (pod,) = (each for each in shop.client.ask(api.List("pods", "shop")) if each["metadata"]["name"] == "long")
    before = restarts(shop)
    shop.client.ask(api.Fault(f"agent/{pod['spec']['nodeName']}", "kill"))
    assert eventually(lambda: restarts(shop) > before)
    shop.settle()
    assert "\n".join(shop.client.ask(api.Logs("shop/long"))).count("began") == 1
    shop.client.ask(api.Delete([pod]))


def restarts(made):
    return sum(each["restarts"] for each in made.client.ask(api.Top(0.1)) if each["name"].startswith("agent/"))


def test_verify_waits_for_pods_that_come_and_go_and_looks_at_none_that_has_finished(shop):
    shop.apply(commanded("Job", "over", "true"))
    assert becomes(shop, "jobs.batch", "over", succeeded=1)
    for labels in ({"istio.io/dataplane-mode": "ambient"}, {"istio.io/dataplane-mode": None}):
        shop.client.ask(api.Label("namespaces", "", "shop", labels))
        rows = shop.client.ask(api.Verify())
        assert len(rows) >= 3
        assert [each for each in rows if not each["right"]] == []
        assert not any(each["pod"].startswith("shop/over") for each in rows)


def test_a_second_lab_of_the_name_is_refused_and_the_first_lives_on(shop):
    twin = type(shop)(name=shop.settings.name)
    with pytest.raises(WorldError, match="is up already"):
        twin.launch()
    assert shop.client.ask(api.Status())["ready"] == 3


def test_nobody_else_may_speak_to_it(shop):
    assert shop.scratch.socket.stat().st_mode & 0o077 == 0
    assert shop.scratch.root.stat().st_mode & 0o077 == 0


def test_killed_in_the_middle_it_leaves_no_process():
    with lab(*workload("web")) as made:
        machine = made.client.machine()
        group = descendants(machine)
        assert len(group) >= 3
        os.kill(made.process.pid, signal.SIGKILL)
        made.process.wait()
        assert eventually(lambda: not any(Path(f"/proc/{each}").exists() for each in group))
        with pytest.raises(TransportError, match="no lab is up"):
            Client(made.scratch.socket).ask(api.Status())


def test_down_takes_the_folder_along():
    with lab() as made:
        assert made.scratch.socket.exists()
    assert not made.scratch.root.exists()


def test_a_folder_of_somebody_else_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "sidestep").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorldError, match="somebody else"), lab():
        pass


def descendants(root):
    children = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(path.parent.name))
    found, queue = [root], [root]
    while queue:
        more = children.get(queue.pop(), [])
        found += more
        queue += more
    return found


def test_an_entry_s_endpoint_may_be_a_name_of_the_cluster(shop):
    entry = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": "db", "namespace": "captured"},
        "spec": {
            "hosts": ["db.example"],
            "ports": [{"number": 5432, "name": "http", "protocol": "HTTP", "targetPort": 80}],
            "resolution": "DNS",
            "endpoints": [{"address": "cart.shop.svc.cluster.local"}],
        },
    }
    shop.apply(ambient("captured"), *workload("client", "captured"), entry)
    shop.settle()
    (outcome,) = shop.call("captured/client", "http://db.example:5432/")
    assert outcome.pod.startswith("shop/cart"), outcome
