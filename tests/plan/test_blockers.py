"""What stands in the way of ambient by its kind: named with its object, its field and a way out."""

import json

import pytest
from tests.support.install import config_map, injector, istiod, mesh_config, node
from tests.support.mesh import (
    Sidecar,
    annotations_on,
    app,
    facts,
    inject,
    labelled,
    labels_on,
    namespace,
    o,
    workload,
)

from sidestep.plan.blockers import blockers

MESHED = inject(app("cart"), Sidecar())


def found(*objects):
    return [(each.name, str(each.object), each.field) for each in blockers(facts(*objects))]


def annotated(**annotations):
    spelled = {key.replace("__", "/").replace("_", "."): value for key, value in annotations.items()}
    return workload(annotations_on(MESHED, spelled), pods=1)


def test_an_ordinary_mesh_has_none():
    gateway_only = {"configPatches": [{"match": {"context": "GATEWAY"}}]}
    targeted = {"targetRefs": [{"kind": "Gateway", "name": "wp"}], "configPatches": []}
    assert found(
        istiod(), node(), namespace(), *workload(MESHED), mesh_config("trustDomain: t"), injector({}), o.webhook("default"),
        o.istio("PeerAuthentication", "strict", "shop", {"mtls": {"mode": "STRICT"}}),
        o.istio("EnvoyFilter", "edge", "shop", gateway_only), o.istio("EnvoyFilter", "wp", "shop", targeted),
        o.waypoint("wp", "shop"), o.service("cart", "shop"),
    ) == []  # fmt: skip


def test_all_have_a_reason_and_a_way_out():
    made = blockers(facts(o.istio("WorkloadEntry", "vm", "shop", {}), o.istio("EnvoyFilter", "x", "shop", {})))
    assert [each.name for each in made] == ["virtual-machine", "envoy-filter"]
    assert all(each.why and each.way_out for each in made)


@pytest.mark.parametrize("kind", ["WorkloadEntry", "WorkloadGroup"])
def test_virtual_machines(kind):
    assert found(o.istio(kind, "vm", "shop", {})) == [("virtual-machine", f"{kind} shop/vm", "spec")]


class TestSpire:
    def test_a_volume_of_its_driver(self):
        template = app("cart")
        template["spec"]["volumes"] = [{"name": "s", "csi": {"driver": "csi.spiffe.io"}}]
        assert found(*workload(template)) == [("spire", "Deployment shop/cart", "spec.template.spec.volumes")]

    def test_an_injection_template(self):
        ((name, _, field),) = found(*annotated(inject_istio_io__templates="sidecar, spire"))
        assert (name, field) == ("spire", "metadata.annotations[inject.istio.io/templates]")

    def test_a_label(self):
        template = labels_on(app("cart"), {"spiffe.io/spire-managed-identity": "true"})
        assert [name for name, _, _ in found(*workload(template))] == ["spire"]

    def test_a_template_that_only_sounds_like_it(self):
        assert found(*annotated(inject_istio_io__templates="sidecar,inspire")) == []


class TestSeveralClusters:
    def test_an_east_west_gateway(self):
        gateway = o.waypoint("east", "istio-system")
        gateway["spec"]["gatewayClassName"] = "istio-east-west"
        assert [name for name, _, _ in found(gateway)] == ["multicluster"]

    def test_a_classic_east_west_gateway(self):
        template = labels_on(app("ew"), {"istio": "eastwestgateway"})
        assert found(*workload(template, "ew")) == [("multicluster", "Deployment shop/ew", "metadata.labels[istio]")]

    def test_a_network_label(self):
        where = "metadata.labels[topology.istio.io/network]"
        assert found(labelled("istio-system", {"topology.istio.io/network": "n1"})) == [
            ("multicluster", "Namespace istio-system", where)
        ]

    @pytest.mark.parametrize(
        ("networks", "told"), [("networks: {n1: {endpoints: []}}", 1), ("networks: {}", 0), ("[", 0)]
    )
    def test_networks_of_the_mesh(self, networks, told):
        assert len(found(mesh_config("trustDomain: t", meshNetworks=networks))) == told


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"trustDomain": "t"}, []),
        ({"trustDomain": "u"}, [("several-control-planes", "ConfigMap istio-system/istio-next", "data.mesh")]),
        ({"trustDomain": "t", "rootNamespace": "istio-system", "discoverySelectors": []}, []),
        (
            {"trustDomain": "t", "rootNamespace": "next"},
            [("several-control-planes", "ConfigMap istio-system/istio-next", "data.mesh")],
        ),
    ],
    ids=["a canary", "another domain", "the same in other words", "another root"],
)
def test_control_planes_that_judge_otherwise(other, told):
    canary = o.thing("v1", "ConfigMap", o.meta("istio-next", "istio-system"), data={"mesh": json.dumps(other)})
    assert found(mesh_config("trustDomain: t"), canary) == told


def test_a_control_plane_that_is_not_here():
    webhook = o.webhook("asm-managed")
    for entry in webhook["webhooks"]:
        entry["clientConfig"] = {"url": "https://mesh.example.com/inject"}
    assert [name for name, _, _ in found(webhook)] == ["external-control-plane"]
    assert [name for name, _, _ in found(namespace("aks-istio-system"))] == ["external-control-plane"]


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        ({"mtls": {"mode": "DISABLE"}}, ["spec.mtls.mode"]),
        (
            {"mtls": {"mode": "STRICT"}, "portLevelMtls": {"80": {"mode": "DISABLE"}, "81": {"mode": "STRICT"}}},
            ["spec.portLevelMtls[80].mode"],
        ),
        ({"mtls": {"mode": "PERMISSIVE"}}, []),
        ({"mtls": "DISABLE", "portLevelMtls": ["DISABLE"]}, []),
        ({}, []),
    ],
)
def test_mtls_that_is_disabled(spec, fields):
    policy = o.istio("PeerAuthentication", "p", "shop", spec)
    assert found(policy) == [("mtls-disabled", "PeerAuthentication shop/p", field) for field in fields]


def test_proxyless_grpc():
    template = annotations_on(app("quotes"), {"inject.istio.io/templates": "grpc-agent"})
    ((name, where, _),) = found(*workload(template, "quotes", pods=3))
    assert (name, where) == ("proxyless-grpc", "Deployment shop/quotes")


class TestClientCertificates:
    def test_written_out_by_an_annotation(self):
        text = "proxyMetadata: {OUTPUT_CERTS: /etc/certs}"
        assert [name for name, _, _ in found(*annotated(proxy_istio_io__config=text))] == ["client-certificates"]

    def test_mounted_into_the_sidecar(self):
        mounted = annotated(sidecar_istio_io__userVolumeMount='[{"name": "certs"}]')
        assert [field for _, _, field in found(*mounted)] == ["metadata.annotations[sidecar.istio.io/userVolumeMount]"]

    def test_written_out_mesh_wide_or_by_a_proxy_config(self):
        text = "defaultConfig: {proxyMetadata: {OUTPUT_CERTS: /etc/certs}}"
        config = o.thing(
            "networking.istio.io/v1beta1",
            "ProxyConfig",
            o.meta("certs", "shop"),
            spec={"environmentVariables": {"OUTPUT_CERTS": "/etc/certs"}},
        )
        assert [where for _, where, _ in found(mesh_config(text), config)] == [
            "ConfigMap istio-system/istio", "ProxyConfig shop/certs",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"configPatches": [{"match": {"context": "SIDECAR_INBOUND"}}]}, 1),
        ({"configPatches": [{"match": {"context": "GATEWAY"}}, {"match": {}}]}, 1),
        ({"configPatches": "odd"}, 1),
        ({"configPatches": [{"match": {"context": "GATEWAY"}}]}, 0),
        ({"targetRefs": [{"kind": "Gateway", "name": "wp"}]}, 0),
    ],
)
def test_envoy_filters_that_sidecars_obey(spec, told):
    assert len(found(o.istio("EnvoyFilter", "x", "shop", spec))) == told


@pytest.mark.parametrize(("app_label", "told"), [("cart", 1), ("ingress", 0), ("nobody", 0)])
def test_envoy_filters_that_select_pods_stand_in_the_way_of_sidecars_alone(app_label, told):
    gateway = annotations_on(app("ingress"), {"inject.istio.io/templates": "gateway"})
    gateway["spec"]["containers"][0]["name"] = "istio-proxy"
    spec = {"workloadSelector": {"labels": {"app": app_label}}, "configPatches": [{"applyTo": "CLUSTER"}]}
    objects = (*workload(MESHED), *workload(gateway))
    assert len(found(*objects, o.istio("EnvoyFilter", "x", "shop", spec))) == told


def test_istios_own_metrics_stand_in_nobodys_way():
    patch = {"applyTo": "HTTP_FILTER", "patch": {"operation": "INSERT_BEFORE", "value": {"name": "istio.stats"}}}
    mine = {"applyTo": "HTTP_FILTER", "patch": {"operation": "INSERT_BEFORE", "value": {"name": "mine"}}}
    for patches, told in (([patch], 0), ([patch, mine], 1)):
        assert len(found(*workload(MESHED), o.istio("EnvoyFilter", "s", "shop", {"configPatches": patches}))) == told


def test_tproxy():
    assert [name for name, _, _ in found(*annotated(sidecar_istio_io__interceptionMode="TPROXY"))] == ["tproxy"]
    assert found(*annotated(sidecar_istio_io__interceptionMode="REDIRECT")) == []
    assert [where for _, where, _ in found(mesh_config("defaultConfig: {interceptionMode: TPROXY}", "1-29"))] == [
        "ConfigMap istio-system/istio-1-29"
    ]


@pytest.mark.parametrize(
    ("labels", "told"),
    [({"eks.amazonaws.com/compute-type": "fargate"}, 1), ({"type": "virtual-kubelet"}, 1), ({"type": "large"}, 0)],
)
def test_nodes_on_which_no_agent_runs(labels, told):
    assert len(found(node(labels=labels), *workload(MESHED))) == told
    assert found(node(labels=labels), *workload(app("cart"))) == []


@pytest.mark.parametrize(
    ("kind", "more", "field"),
    [
        ("Deployment", {"paused": True}, "spec.paused"),
        ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, "spec.updateStrategy.type"),
        ("DaemonSet", {"updateStrategy": {"type": "OnDelete"}}, "spec.updateStrategy.type"),
        ("StatefulSet", {"updateStrategy": {"rollingUpdate": {"partition": 2}}},
         "spec.updateStrategy.rollingUpdate.partition"),
        ("Deployment", {"paused": False, "strategy": {"type": "Recreate"}}, ""),
        ("StatefulSet", {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}}, ""),
        ("StatefulSet", {"updateStrategy": "odd"}, ""),
    ],
)  # fmt: skip
def test_rollouts_that_a_new_template_does_not_begin(kind, more, field):
    controller, *pods = workload(MESHED, kind=kind)
    controller["spec"].update(more)
    assert found(controller, *pods) == ([("held-rollout", f"{kind} shop/cart", field)] if field else [])
    controller, *pods = workload(app("cart"), kind=kind)
    controller["spec"].update(more)
    assert found(controller, *pods) == [], "who has no sidecar is not restarted"


QUARTER = {}
ONE = {"strategy": {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}}
SURGE = {"strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}}


@pytest.mark.parametrize(
    ("kind", "more", "budget", "told"),
    [
        ("Deployment", {"replicas": 4, **QUARTER}, {"maxUnavailable": 0}, "takes 1 of its pods away at a time, where"),
        ("Deployment", {"replicas": 3, **QUARTER}, {"maxUnavailable": 0}, ""),
        ("Deployment", {"replicas": 4, **SURGE}, {"minAvailable": "100%"}, ""),
        ("Deployment", {"replicas": 4, **ONE}, {"minAvailable": 4}, "this allows 0"),
        ("Deployment", {"replicas": 4, **ONE}, {"minAvailable": "50%"}, ""),
        ("Deployment", {"replicas": 9, "strategy": {"rollingUpdate": {"maxUnavailable": "50%"}}},
         {"maxUnavailable": "30%"}, "takes 4 of its pods away at a time, where this allows 3"),
        ("Deployment", {"replicas": 2, "strategy": {"type": "Recreate"}}, {"maxUnavailable": 1}, "takes 2 of its pods"),
        ("Deployment", {"replicas": 1, "strategy": {"type": "Recreate"}}, {"minAvailable": 1}, "takes 1 of its pods"),
        ("Deployment", {"replicas": 3, "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}},
         {"maxUnavailable": 0}, "takes 1 of its pods"),
        ("StatefulSet", {"replicas": 3}, {"maxUnavailable": 1}, ""),
        ("StatefulSet", {"replicas": 3}, {"minAvailable": 3}, "takes 1 of its pods"),
        ("StatefulSet", {"replicas": 4, "updateStrategy": {"rollingUpdate": {"maxUnavailable": 2}}},
         {"maxUnavailable": 1}, "takes 2 of its pods"),
        ("DaemonSet", {}, {"maxUnavailable": 0}, ""),
        ("Deployment", {"replicas": "odd"}, {"maxUnavailable": 0}, ""),
        ("Deployment", {"replicas": 4}, {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "other"}}}, ""),
        ("Deployment", {"replicas": 4}, {"maxUnavailable": 0, "selector": None}, ""),
    ],
)  # fmt: skip
def test_rollouts_that_take_more_away_than_a_budget_allows(kind, more, budget, told):
    """Kubernetes' own page on disruptions: rolling updates of controllers are not limited by budgets."""
    controller, *pods = workload(MESHED, kind=kind)
    controller["spec"].update(more)
    spec = {"selector": {"matchLabels": {"app": "cart"}}, **budget}
    guard = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
             "metadata": {"name": "cart", "namespace": "shop"}, "spec": spec}  # fmt: skip
    elsewhere = {**guard, "metadata": {"name": "cart", "namespace": "other"}}
    why = [each.why for each in blockers(facts(controller, *pods, guard, elsewhere))]
    assert len(why) == bool(told)
    assert not told or told in why[0]


def test_pods_alone_are_named_by_their_owner():
    pods = [each for each in annotated(sidecar_istio_io__interceptionMode="TPROXY") if each["kind"] == "Pod"]
    assert [where for _, where, _ in found(*pods)] == ["ReplicaSet shop/cart-abc"]


def test_config_maps_of_others_are_no_mesh_config():
    assert found(config_map("istioish", "shop", mesh="defaultConfig: {interceptionMode: TPROXY}")) == []
