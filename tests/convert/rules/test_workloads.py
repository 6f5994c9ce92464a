"""Pod templates and namespaces."""

import json

import pytest
from msgspec.structs import replace
from tests.support.conversions import apply, context, manifests, one, severities
from tests.support.scenes import index, m, pods, service

from sidestep.convert.rules import namespace_labels, pod_template
from sidestep.model.metadata import WorkloadRef

AMBIENT = {"istio.io/dataplane-mode": "ambient", "sidecar.istio.io/inject": "false"}


def deployment(change=None, kind="Deployment", **template):
    found = {
        "metadata": {"labels": {"app": "cart"}},
        "spec": {"containers": [{"name": "app", "image": "a"}]},
        **template,
    }
    spec = {"selector": {"matchLabels": {"app": "cart"}}, "template": found}
    if kind == "CronJob":
        spec = {"schedule": "@daily", "jobTemplate": {"spec": {"template": found}}}
    versions = {"CronJob": "batch/v1", "Job": "batch/v1", "Rollout": "argoproj.io/v1alpha1"}
    return {
        "apiVersion": versions.get(kind, "apps/v1"),
        "kind": kind,
        "metadata": {"name": "cart", "namespace": "shop"},
        "spec": {**spec, "unknown": {"kept": True}},
    }


def rewrite(tree, moving=None):
    moves = (WorkloadRef("shop", tree["kind"], "cart"),) if moving is None else moving
    found = replace(context(index(tree)), moving=frozenset(moves))
    return one(pod_template.RULE, found, tree["kind"], "cart")


def template(tree):
    spec = tree["spec"]
    return (spec["jobTemplate"]["spec"] if "jobTemplate" in spec else spec)["template"]


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Rollout"])
def test_templates_are_labelled(kind):
    before = deployment(kind=kind)
    given = rewrite(before)
    now = manifests(given)["cart"]
    assert template(now)["metadata"]["labels"] == {"app": "cart", **AMBIENT}
    assert template(now)["spec"] == template(before)["spec"]
    assert now["spec"]["unknown"] == {"kept": True}
    assert not given.losses
    assert not rewrite(now).changes


def test_who_stays_is_left_alone():
    assert not rewrite(deployment(), moving=()).changes


def test_one_of_the_same_name_and_another_kind_is_left_alone():
    assert not rewrite(deployment(), moving=(WorkloadRef("shop", "StatefulSet", "cart"),)).changes


ANNOTATIONS = {
    "sidecar.istio.io/proxyCPU": "100m",
    "traffic.sidecar.istio.io/excludeInboundPorts": "9090",
    "proxy.istio.io/config": "holdApplicationUntilProxyStarts: true\nproxyMetadata:\n  OUTPUT_CERTS: /certs\ntracing: {}\n",
    "traffic.sidecar.istio.io/kubevirtInterfaces": "k6t",
    "mine/kept": "1",
}


def test_annotations_of_sidecars_go_late_and_say_what_they_did():
    given = rewrite(deployment(metadata={"labels": {"app": "cart", "istio.io/rev": "x"}, "annotations": ANNOTATIONS}))
    early, late = (template(change.manifest)["metadata"] for change in given.changes)
    assert early["annotations"] == {**ANNOTATIONS, "istio.io/reroute-virtual-interfaces": "k6t"}
    assert late == {
        "labels": {"app": "cart", **AMBIENT},
        "annotations": {"mine/kept": "1", "istio.io/reroute-virtual-interfaces": "k6t"},
    }
    assert severities(given.losses) == [
        ("cosmetic", "spec.template.metadata.annotations[proxy.istio.io/config].holdApplicationUntilProxyStarts"),
        ("cosmetic", "spec.template.metadata.annotations[sidecar.istio.io/proxyCPU]"),
        ("observability", "spec.template.metadata.annotations[proxy.istio.io/config].tracing"),
        ("traffic", "spec.template.metadata.annotations[proxy.istio.io/config].proxyMetadata.OUTPUT_CERTS"),
        ("traffic", "spec.template.metadata.annotations[traffic.sidecar.istio.io/excludeInboundPorts]"),
    ]
    assert not rewrite(given.changes[-1].manifest).changes


def test_a_proxy_that_people_wrote_is_taken_out():
    spec = {
        "containers": [{"name": "app"}, {"name": "istio-proxy", "image": "auto"}],
        "initContainers": [{"name": "istio-proxy"}],
    }
    given = rewrite(deployment(spec=spec))
    assert template(manifests(given)["cart"])["spec"] == {"containers": [{"name": "app"}]}
    assert [each for each, _ in severities(given.losses)] == ["cosmetic", "cosmetic"]


def test_what_an_injector_wrote_into_a_manifest_is_taken_out():
    status = {
        "initContainers": ["istio-init"],
        "containers": ["istio-proxy"],
        "volumes": ["istio-envoy"],
        "imagePullSecrets": None,
    }
    spec = {
        "containers": [{"name": "app"}, {"name": "istio-proxy"}],
        "initContainers": [{"name": "istio-init"}, {"name": "mine"}],
        "volumes": [{"name": "istio-envoy"}, {"name": "data"}],
    }
    meta = {
        "labels": {"app": "cart", "security.istio.io/tlsMode": "istio"},
        "annotations": {"sidecar.istio.io/status": json.dumps(status)},
    }
    found = template(manifests(rewrite(deployment(metadata=meta, spec=spec)), late=False)["cart"])
    assert found["spec"] == {
        "containers": [{"name": "app"}],
        "initContainers": [{"name": "mine"}],
        "volumes": [{"name": "data"}],
    }
    assert found["metadata"] == {"labels": {"app": "cart", **AMBIENT}, "annotations": {}}


SCRIPT = "set -e\nrun-job\nuntil curl -fs http://127.0.0.1:15021/healthz/ready; do sleep 1; done\ncurl -XPOST localhost:15020/quitquitquit\n"


def test_scripts_that_call_the_proxy_are_named_with_their_line():
    container = {
        "name": "app",
        "command": ["sh", "-c", SCRIPT],
        "lifecycle": {"preStop": {"exec": {"command": ["curl", "localhost:15000/drain"]}}},
    }
    given = rewrite(deployment(spec={"containers": [container]}, kind="Job"))
    at = "spec.template.spec.containers[0]"
    assert severities(given.losses) == [
        ("traffic", f"{at}.command[2] line 3"),
        ("traffic", f"{at}.command[2] line 4"),
        ("traffic", f"{at}.lifecycle.preStop.exec.command[1] line 1"),
    ]


@pytest.mark.parametrize("end", ["pkill -f /usr/local/bin/pilot-agent", "killall -TERM pilot-agent"])
def test_scripts_that_end_the_proxy_are_named(end):
    given = rewrite(deployment(spec={"containers": [{"name": "app", "args": [f"run; {end}"]}]}, kind="Job"))
    assert severities(given.losses) == [("traffic", "spec.template.spec.containers[0].args[0] line 1")]
    assert end in given.losses[0].did


@pytest.mark.parametrize(
    "command",
    [
        ["sh", "-c", "curl example.com:15020"], ["sh", "-c", "pkill app; cat pilot-agent.log"], ["echo", "15021"],
        None, 7, [1],
    ],
)  # fmt: skip
def test_other_scripts_are_none_of_ours(command):
    assert not rewrite(deployment(spec={"containers": [{"name": "app", "command": command}]}, kind="Job")).losses


@pytest.mark.parametrize(
    "broken",
    [{"metadata": None, "spec": None}, {"metadata": {"annotations": {}, "labels": {}}, "spec": {"containers": []}}],
)
def test_poor_templates_are_no_trouble(broken):
    assert rewrite(deployment(**broken)).changes


def labelled(**labels):
    return m.o.labelled_namespace(
        "shop", {key.replace("__", "/").replace("_", "-"): value for key, value in labels.items()}
    )


def space(*objects, **how):
    found = index(labelled(istio_injection="enabled", team="a"), *objects)
    return one(namespace_labels.RULE, context(found, **how), "Namespace", "shop")


def test_a_namespace_of_movers_asks_for_ambient_late():
    (change,) = space(*pods("cart"), service("cart")).changes
    assert change.late
    labels = change.manifest["metadata"]["labels"]
    assert labels["istio.io/dataplane-mode"] == "ambient"
    assert labels["team"] == "a"
    assert "istio-injection" not in labels


@pytest.mark.parametrize("mode", ["none", "gateway"])
def test_a_label_would_capture_others_too(mode):
    assert not space(*pods("cart"), *pods("other", mode)).changes


def test_a_namespace_with_a_sidecar_left_keeps_its_label():
    assert not space(*pods("cart"), *pods("stays"), moving=("cart",)).changes


def test_an_empty_namespace_is_left_alone():
    assert not space(moving=()).changes


def test_late_is_reached_from_early():
    before = deployment(metadata={"annotations": ANNOTATIONS})
    given = rewrite(before)
    assert apply([before], given.changes)[0] == given.changes[-1].manifest
