"""Sidecars in a running lab: who has one, who speaks to whom, in which order they start and end, what verbs show."""

import pytest
from tests.support.labs import AMBIENT, ambient, eventually, lab, namespace, under_load, workload

from sidestep.lab.api import messages as api

INJECTED = {"istio-injection": "enabled"}
CLASSIC = {"sidecar.istio.io/nativeSidecar": "false"}
HOLD = {**CLASSIC, "proxy.istio.io/config": "holdApplicationUntilProxyStarts: true"}


def probed(name, space, probe):
    deployment, service = workload(name, space)
    deployment["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] = probe
    return deployment, service


@pytest.fixture(scope="module")
def mesh():
    objects = [
        namespace("shop", **INJECTED),
        *workload("web"),
        *workload("cart"),
        *workload("old", annotations=CLASSIC),
        *probed("probed", "shop", {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 1}),
        ambient("amb"),
        *workload("api", "amb"),
        namespace("both", **INJECTED, **AMBIENT),
        *workload("twice", "both"),
        namespace("plain"),
        *workload("bare", "plain"),
    ]
    with lab(*objects) as made:
        yield made


def pod(mesh, name, space="shop"):
    return next(each for each in mesh.client.ask(api.List("pods", space)) if each["metadata"]["name"].startswith(name))


def asked(mesh, client, url):
    (outcome,) = mesh.call(client, url)
    return outcome


def test_who_is_injected_has_a_sidecar_and_nobody_else(mesh):
    kinds = {
        each["metadata"]["name"].partition("-")[0]: each["metadata"]["annotations"].get("sidestep.dev/proxy", "")
        for each in mesh.client.ask(api.List("pods"))
    }
    sidecars = {name for name, kind in kinds.items() if kind == "sidecar"}
    assert sidecars == {"web", "cart", "old", "probed", "twice"}
    assert mesh.client.ask(api.Status())["proxies"] == {"sidecar": 5}


def test_a_sidecar_wins_over_ambient(mesh):
    annotations = pod(mesh, "twice", "both")["metadata"]["annotations"]
    assert "ambient.istio.io/redirection" not in annotations
    assert "sidecar.istio.io/status" in annotations


def test_sidecars_tell_each_other_who_they_are(mesh):
    found = asked(mesh, "shop/web", "http://cart.shop/")
    assert found.ok, found
    assert "URI=spiffe://cluster.local/ns/shop/sa/web" in found.body
    assert '"peer":"127.0.0.6:' in found.body


@pytest.mark.parametrize("server", ["cart.shop", "old.shop", "twice.both", "api.amb", "bare.plain"])
@pytest.mark.parametrize("client", ["shop/web", "shop/old", "both/twice", "amb/api", "plain/bare"])
def test_all_kinds_of_pods_reach_each_other(mesh, client, server):
    found = asked(mesh, client, f"http://{server}/")
    assert found.ok, found


def test_strict_refuses_who_has_no_certificate_and_keeps_probes(mesh):
    strict = {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default", "namespace": "shop"},
        "spec": {"mtls": {"mode": "STRICT"}},
    }
    mesh.apply(strict)
    mesh.settle()
    assert eventually(lambda: not asked(mesh, "plain/bare", "http://probed.shop/").ok)
    assert asked(mesh, "shop/web", "http://probed.shop/").ok
    assert asked(
        mesh, "node:node-1", f"http://{pod(mesh, 'probed')['status']['podIP']}:15020/app-health/main/readyz"
    ).ok
    mesh.client.ask(api.Delete([strict]))
    mesh.settle()
    assert eventually(lambda: asked(mesh, "plain/bare", "http://probed.shop/").ok)


def test_probes_are_led_past_the_proxy(mesh):
    found = pod(mesh, "probed")
    assert found["spec"]["containers"][0]["readinessProbe"]["httpGet"]["port"] == 15020
    address = found["status"]["podIP"]
    assert asked(mesh, "plain/bare", f"http://{address}:15020/app-health/main/readyz").code == 200
    assert asked(mesh, "plain/bare", f"http://{address}:15020/app-health/main/livez").code == 404


def test_verbs_show_sidecars(mesh):
    name = f"shop/{pod(mesh, 'web')['metadata']['name']}"
    assert any(each["role"] == "sidecar" for each in mesh.client.ask(api.Top(0.1)))
    assert mesh.client.ask(api.ConfigDump(name))
    owned = [each["identity"] for each in mesh.client.ask(api.Certificates()) if each["node"] == name]
    assert set(owned) == {"spiffe://cluster.local/ns/shop/sa/web"}
    assert isinstance(mesh.client.ask(api.Logs(name, container="istio-proxy")), list)
    rows = {each["pod"]: each for each in mesh.client.ask(api.Verify())}
    assert (rows[name]["mode"], rows[name]["outbound"], rows[name]["inbound"]) == ("sidecar", "proxy", "proxy")
    assert all(each["right"] for each in rows.values()), rows


def test_without_its_proxy_a_pod_is_not_ready_and_closed_until_it_is_back(mesh):
    name = pod(mesh, "old")["metadata"]["name"]
    process = f"sidecar/shop/{name}"
    mesh.client.ask(api.Fault(process, "stop"))
    ready = lambda: pod(mesh, "old")["status"]["conditions"][-1]["status"] == "True"  # noqa: E731
    assert eventually(lambda: not ready(), 30)
    mesh.client.ask(api.Fault(process, "continue"))
    assert eventually(ready, 30)
    mesh.client.ask(api.Fault(process, "kill"))
    assert eventually(
        lambda: any(each["restarts"] for each in mesh.client.ask(api.Top(0.1)) if each["name"] == process)
    )
    mesh.settle()
    assert asked(mesh, "shop/web", "http://old.shop/").ok


@pytest.mark.parametrize("name", ["cart", "old"], ids=["native", "classic"])
def test_pods_are_exchanged_without_losing_a_request(mesh, name):
    with under_load(mesh, "shop/web", f"http://{name}.shop/", 10) as result:
        mesh.client.ask(api.Restart("deployments.apps", "shop", name))
        mesh.settle()
    assert result["sent"] == result["ok"], result["failures"]
    assert len(result["pods"]) == 2


def slow_envoy(tmp_path):
    """An Envoy that takes its time to start in pods, and only there."""
    from sidestep.lab.envoy import program  # noqa: PLC0415 - where there is none, tests are skipped

    script = tmp_path / "envoy"
    script.write_text(
        f'#!/bin/sh\ncase "$*" in *proxies*) while [ ! -e {tmp_path}/go ]; do sleep 0.1; done;; esac\n'
        f'exec {program()} "$@"\n'
    )
    script.chmod(0o755)
    tmp_path.chmod(0o755)
    return str(script)


def phase(mesh, name):
    status = pod(mesh, name)["status"]
    return status.get("phase"), status["conditions"][-1]["status"] if status.get("conditions") else "False"


def test_who_starts_first_is_told_by_the_kind_of_sidecar(tmp_path):
    objects = [
        namespace("shop", **INJECTED),
        *workload("native"),
        *workload("classic", annotations=CLASSIC),
        *workload("held", annotations=HOLD),
    ]
    with lab(envoy=slow_envoy(tmp_path)) as made:
        made.apply(*objects)
        assert eventually(lambda: len(made.client.ask(api.List("pods", "shop"))) == 3)
        assert eventually(lambda: phase(made, "classic") == ("Running", "False"))
        assert [phase(made, each) for each in ("native", "held")] == [("Pending", "False")] * 2
        refused = asked(made, "shop/classic", "http://nobody.example/")
        assert not refused.ok
        (tmp_path / "go").touch()
        made.settle()
        assert [phase(made, each) for each in ("native", "classic", "held")] == [("Running", "True")] * 3


def job(name, annotations):
    template = {
        "metadata": {"annotations": {**annotations, "sidestep.dev/run-time": "0.2"}},
        "spec": {"containers": [{"name": "main", "image": "any"}]},
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": "jobs"},
        "spec": {"template": template},
    }


def test_a_job_completes_beside_a_native_sidecar_and_never_beside_a_classic_one():
    with lab(namespace("jobs", **INJECTED)) as made:
        made.apply(job("native", {}), job("classic", CLASSIC))

        def done(name):
            (found,) = [each for each in made.client.ask(api.List("jobs.batch")) if each["metadata"]["name"] == name]
            return found.get("status", {}).get("succeeded") == 1

        assert eventually(lambda: done("native"), 30)
        told = lambda: any("never completes" in each for each in made.client.ask(api.Status())["said"])  # noqa: E731
        assert eventually(told, 30)
        assert not done("classic")


def test_names_are_resolved_in_the_pod_where_the_sidecar_captures_them():
    """Only who is captured learns of a name that the cluster's DNS does not know."""
    config = {"proxy.istio.io/config": 'proxyMetadata: {ISTIO_META_DNS_CAPTURE: "true"}'}
    entry = {
        "apiVersion": "networking.istio.io/v1",
        "kind": "ServiceEntry",
        "metadata": {"name": "away", "namespace": "shop"},
        "spec": {
            "hosts": ["away.example"],
            "addresses": ["240.240.7.7"],
            "ports": [{"number": 80, "name": "http", "protocol": "HTTP"}],
            "resolution": "STATIC",
            "endpoints": [{"address": "192.0.2.7"}],
        },
    }
    with lab(namespace("shop", **INJECTED), entry, *workload("asks", annotations=config), *workload("not")) as made:
        (found,) = made.call("shop/asks", "dns://10.96.0.10:53/away.example")
        assert "240.240.7.7" in found.body, found
        (other,) = made.call("shop/not", "dns://10.96.0.10:53/away.example")
        assert "240.240.7.7" not in other.body
