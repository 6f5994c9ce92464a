"""Which values an installation gets, and why."""

from pathlib import Path

import pytest
from tests.support.install import daemon_set, injector, istio_cni, istiod, mesh_config, node, ztunnels
from tests.support.mesh import Sidecar, app, inject, labelled, mesh, o, workload

from sidestep.errors import UsageError
from sidestep.model.gaps import Gap, GapReason
from sidestep.model.mesh import SourceKind
from sidestep.plan.install.files import install_files
from sidestep.plan.install.values import InstallSettings, Owner

FREE = {"profile", "env", "meshConfig", "nodeSelector", "affinity", "tolerations", "topologySpreadConstraints"}
"""Values that are free in their form, or that templates read without a default."""
ELSEWHERE = {"cni": "cni.", "ztunnel": "global."}
"""What these charts copy to their top level before they look."""
UNLISTED = {"platform", "global.platform", "global.proxy.lifecycle"}


def install(*objects, settings=None, **how):
    return install_files(mesh(*objects, **how), settings or InstallSettings())


def values(name, *objects, settings=None, **how):
    return install(*objects, settings=settings, **how).chart(name).values


def evidence(name, value, *objects, **how):
    return next(each for each in install(*objects, **how).chart(name).evidence if each.value == value)


def test_charts_come_in_the_order_of_installation_with_the_profile():
    made = install(istiod(), node())
    assert [chart.name for chart in made.charts] == ["base", "istiod", "cni", "ztunnel"]
    assert [made.chart(name).values["profile"] for name in ("istiod", "cni", "ztunnel")] == ["ambient"] * 3
    assert made.version == "1.29.2"


def test_istiod_serves_ambient_and_sidecars_take_hbone():
    found = values("istiod", istiod(), node())
    assert found["env"]["PILOT_ENABLE_AMBIENT"] == "true"
    assert found["meshConfig"]["defaultConfig"]["proxyMetadata"] == {"ISTIO_META_ENABLE_HBONE": "true"}


def asked_for(kind):
    """Who may ask for a control plane, with the same settings."""
    told = {"meshConfig": {"trustDomain": "acme.test", "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}}
    meta = o.meta("default", "istio-system")
    match kind:
        case "IstioOperator":
            return o.thing("install.istio.io/v1alpha1", kind, meta, spec=told)
        case "Istio":
            return o.thing("sailoperator.io/v1", kind, meta, spec={"namespace": "istio-system", "values": told})
        case "HelmRelease":
            chart = {"spec": {"chart": "istiod", "version": "1.26.0"}}
            return o.thing("helm.toolkit.fluxcd.io/v2", kind, meta, spec={"chart": chart, "values": told})
        case _:
            source = {"chart": "istiod", "targetRevision": "1.26.0", "helm": {"valuesObject": told}}
            spec = {"destination": {"namespace": "istio-system"}, "source": source}
            return o.thing("argoproj.io/v1alpha1", kind, meta, spec=spec)


@pytest.mark.parametrize("running", [[], [istiod()]], ids=["nothing runs", "istiod runs"])
@pytest.mark.parametrize("kind", ["IstioOperator", "Istio", "HelmRelease", "Application"])
def test_the_mesh_config_of_who_asks_for_the_control_plane_survives(kind, running):
    found = values("istiod", *running, asked_for(kind))["meshConfig"]
    assert (found["trustDomain"], found["outboundTrafficPolicy"]) == ("acme.test", {"mode": "REGISTRY_ONLY"})
    told = evidence("istiod", "meshConfig.trustDomain", *running, asked_for(kind))
    assert told.object.kind == kind
    assert told.field.endswith("meshConfig: trustDomain")


def test_the_config_map_speaks_where_it_was_read():
    found = values("istiod", istiod(), asked_for("IstioOperator"), mesh_config("trustDomain: made.test"))
    assert found["meshConfig"]["trustDomain"] == "made.test"
    assert "outboundTrafficPolicy" not in found["meshConfig"]


def test_the_root_of_a_control_plane_that_is_asked_for_elsewhere_survives():
    asked = asked_for("IstioOperator")
    asked["spec"]["namespace"] = "mesh"
    assert values("istiod", asked)["meshConfig"]["rootNamespace"] == "mesh"
    assert "rootNamespace" not in values("istiod", asked_for("IstioOperator"))["meshConfig"]


def test_the_mesh_config_survives_with_fields_that_nobody_knows():
    text = (
        "trustDomain: acme.test\ntrustDomainAliases: [old.test]\nfuture: {deep: [1, {x: 'y'}]}\n"
        "defaultConfig: {concurrency: 3, proxyMetadata: {A: b}}\n"
    )
    found = values("istiod", istiod(), mesh_config(text))["meshConfig"]
    assert found == {
        "trustDomain": "acme.test",
        "trustDomainAliases": ["old.test"],
        "future": {"deep": [1, {"x": "y"}]},
        "defaultConfig": {"concurrency": 3, "proxyMetadata": {"A": "b", "ISTIO_META_ENABLE_HBONE": "true"}},
    }
    told = evidence("istiod", "meshConfig.trustDomain", istiod(), mesh_config(text))
    assert (str(told.object), told.field) == ("ConfigMap istio-system/istio", "data.mesh: trustDomain")


def test_hbone_that_was_refused_is_turned_on_and_told():
    text = "defaultConfig: {proxyMetadata: {ISTIO_META_ENABLE_HBONE: 'false'}}"
    told = evidence(
        "istiod",
        "meshConfig.defaultConfig.proxyMetadata.ISTIO_META_ENABLE_HBONE",
        istiod(),
        mesh_config(text),
    )
    assert "was 'false'" in told.because


@pytest.mark.parametrize(
    ("address", "kept"), [("istiod.istio-system.svc:15012", False), ("istiod.elsewhere.test:15012", True)]
)
def test_only_an_address_of_somebody_elses_choice_is_kept(address, kept):
    found = values("istiod", istiod(), mesh_config(f"defaultConfig: {{discoveryAddress: '{address}'}}"))
    assert ("discoveryAddress" in found["meshConfig"]["defaultConfig"]) is kept


@pytest.mark.parametrize("text", ["[1, 2]", "a: &a [*a]", "{", "", "a: !!python/object:os.system {}", "null"])
def test_a_mesh_config_that_cannot_be_read_is_said_and_not_guessed(text):
    made = install(istiod(), mesh_config(text))
    assert list(made.chart("istiod").values["meshConfig"]) == ["defaultConfig"]
    assert any("settings (ConfigMap istio" in each for each in made.assumed)


@pytest.mark.parametrize("text", ["defaultConfig: 7", "defaultConfig: {proxyMetadata: [1]}", "defaultConfig: null"])
def test_wrong_types_on_the_way_to_hbone_give_way(text):
    found = values("istiod", istiod(), mesh_config(text))
    assert found["meshConfig"]["defaultConfig"]["proxyMetadata"] == {"ISTIO_META_ENABLE_HBONE": "true"}


def test_environment_that_somebody_set_is_kept_and_the_charts_own_is_not():
    env = {"REVISION": "default", "CLUSTER_ID": "east", "PILOT_PUSH_THROTTLE": "20", "PILOT_TRACE_SAMPLING": "0.5"}
    found = values("istiod", istiod(env=env), node())
    assert found["env"] == {
        "PILOT_PUSH_THROTTLE": "20",
        "PILOT_ENABLE_AMBIENT": "true",
        "ENABLE_NATIVE_SIDECARS": "true",
    }
    assert found["traceSampling"] == 0.5


def test_a_snapshot_without_values_of_variables_is_said():
    assert any("left out" in each for each in install(istiod(env={"A": None})).assumed)
    assert not any("left out" in each for each in install(istiod(env={"A": "b"})).assumed)


def test_what_the_injector_was_given_is_kept_where_it_differs_from_the_chart():
    given = {
        "global": {"meshID": "m1", "proxy": {"logLevel": "warning", "excludeIPRanges": "10.0.0.0/8"}},
        "sidecarInjectorWebhook": {"neverInjectSelector": [{"matchLabels": {"a": "b"}}], "reinvocationPolicy": "Never"},
    }
    found = values("istiod", istiod(), injector(given))
    assert found["global"] == {"meshID": "m1", "proxy": {"excludeIPRanges": "10.0.0.0/8"}}
    assert found["sidecarInjectorWebhook"] == {"neverInjectSelector": [{"matchLabels": {"a": "b"}}]}


@pytest.mark.parametrize(
    ("given", "mode"), [({"pilot": {"cni": {"enabled": True}}}, True), ({"istio_cni": {"enabled": False}}, False)]
)
def test_new_sidecars_get_their_rules_as_today(given, mode):
    assert values("istiod", istiod(), injector(given))["cni"] == {"enabled": mode}


def test_placement_of_istiod_is_kept_less_what_the_chart_adds():
    tolerations = [{"key": "cni.istio.io/not-ready", "operator": "Exists"}, {"key": "infra"}]
    found = values("istiod", istiod(tolerations=tolerations, nodeSelector={"pool": "infra"}))
    assert (found["tolerations"], found["nodeSelector"]) == ([{"key": "infra"}], {"pool": "infra"})


@pytest.mark.parametrize(
    ("kubelet", "env", "written"),
    [
        ("v1.33.0", {}, "true"),
        ("v1.32.9", {}, None),
        ("", {}, None),
        ("v1.34.1", {"ENABLE_NATIVE_SIDECARS": "false"}, "false"),
    ],
)
def test_native_sidecars_where_every_kubelet_has_them_unless_somebody_decided(kubelet, env, written):
    found = values("istiod", istiod(env=env), node("n1", "v1.34.2"), node("n2", kubelet))
    assert found["env"].get("ENABLE_NATIVE_SIDECARS") == written


class TestRevisions:
    def test_the_one_of_most_sidecars_is_changed(self):
        pods = workload(inject(app("cart"), Sidecar(revision="1-28")), pods=3)
        made = install(istiod(), istiod("1-28"), *pods)
        assert made.chart("istiod").values["revision"] == "1-28"
        assert made.chart("ztunnel").values["revision"] == "1-28"

    def test_without_a_revision_none_is_written(self):
        assert "revision" not in values("istiod", istiod())

    def test_a_new_one_takes_over_the_settings_and_a_release_of_its_own(self):
        text = "trustDomain: acme.test\ndefaultConfig: {discoveryAddress: 'istiod.istio-system.svc:15012'}"
        made = install(istiod(), mesh_config(text), settings=InstallSettings(revision="ambient"))
        chart = made.chart("istiod")
        assert (chart.release, chart.owner) == ("istiod-ambient", Owner.NOBODY)
        assert chart.values["revision"] == "ambient"
        assert chart.values["meshConfig"]["trustDomain"] == "acme.test"
        assert "discoveryAddress" not in chart.values["meshConfig"]["defaultConfig"]

    def test_sidecars_of_another_one_must_move_first(self):
        pods = [
            *workload(inject(app("cart"), Sidecar(revision="1-28")), pods=3),
            *workload(inject(app("old"), Sidecar(revision="default")), "old", pods=2),
        ]
        made = install(istiod(), istiod("1-28"), *pods)
        assert any("move 2 sidecars of default to 1-28" in each.change for each in made.requirements)

    def test_the_tag_default_says_who_checks_objects(self):
        assert values("base", istiod("1-28"), o.webhook("1-28", "default"))["defaultRevision"] == "1-28"
        assert values("base", istiod("1-28"))["defaultRevision"] == "1-28"
        assert values("base", istiod(), istiod("1-28"))["defaultRevision"] == "default"


class TestPlatforms:
    @pytest.mark.parametrize(
        ("node", "profile"),
        [
            (node(labels={"cloud.google.com/gke-nodepool": "p"}), "gke"),
            (node(provider="gce://project/zone/vm"), "gke"),
            (node(kubelet="v1.33.1+k3s1"), "k3s"),
            (node("k3d-a", kubelet="v1.33.1+k3s1"), "k3d"),
            (node(labels={"microk8s.io/cluster": "true"}), "microk8s"),
            (node(labels={"minikube.k8s.io/name": "m"}), "minikube"),
            (node(labels={"node.openshift.io/os_id": "rhel"}, provider="aws:///a/i-1"), "openshift"),
            (node(labels={"eks.amazonaws.com/nodegroup": "g"}), None),
            (node(labels={"kubernetes.azure.com/cluster": "c"}), None),
            (node(kubelet="v1.33.1+rke2r1"), None),
            (node(provider="kind://docker/kind/n1"), None),
            (node(), None),
        ],
    )
    def test_a_platform_with_a_profile_is_named_in_every_chart_of_pods(self, node, profile):
        made = install(istiod(), node)
        for name in ("istiod", "cni", "ztunnel"):
            assert made.chart(name).values.get("global", {}).get("platform") == profile

    def test_what_the_caller_says_wins(self):
        settings = InstallSettings(platform="k3s")
        assert values("cni", istiod(), node(), settings=settings)["global"]["platform"] == "k3s"

    def test_a_platform_that_nobody_knows(self):
        with pytest.raises(UsageError, match="not known"):
            install(istiod(), settings=InstallSettings(platform="heroku"))

    def test_openshift_takes_the_node_components_in_kube_system_unchained(self):
        made = install(istiod(), node(labels={"node.openshift.io/os_id": "rhel"}))
        assert [made.chart(name).namespace for name in ("istiod", "cni", "ztunnel")] == [
            "istio-system", "kube-system", "kube-system",
        ]  # fmt: skip
        assert "istioOwnedCNIConfig" not in made.chart("cni").values["cni"]
        assert any(each.product == "OpenShift" and each.met is None for each in made.requirements)

    def test_openshift_by_its_objects(self):
        network = o.thing(
            "operator.openshift.io/v1",
            "Network",
            o.meta("cluster"),
            spec={"defaultNetwork": {"ovnKubernetesConfig": {"gatewayConfig": {"routingViaHost": True}}}},
        )
        made = install(istiod(), network)
        assert made.chart("cni").values["global"]["platform"] == "openshift"
        assert [each.met for each in made.requirements if each.product == "OpenShift"] == [True]

    def test_gke_before_its_profile_has_none_and_needs_a_quota_by_hand(self):
        gke = node(labels={"cloud.google.com/gke-nodepool": "p"})
        made = install(istiod(image="docker.io/istio/pilot:1.24.3"), gke)
        assert "global" not in made.chart("cni").values
        assert any(each.product == "GKE" for each in made.requirements)

    def test_gke_with_many_nodes_needs_a_larger_quota(self):
        nodes = [node(f"n{number}", labels={"cloud.google.com/gke-nodepool": "p"}) for number in range(2_400)]
        made = install(istiod(), *nodes)
        assert made.chart("cni").values["cni"]["resourceQuotas"] == {"pods": 5280}
        assert made.chart("ztunnel").values["resourceQuotas"] == {"pods": 5280}


class TestNodes:
    def test_a_cluster_that_grows_has_its_taint_lifted_by_istiod(self):
        made = install(istiod(), node(labels={"karpenter.sh/nodepool": "p"}))
        assert made.chart("istiod").values["taint"] == {"enabled": True}
        assert any(each.product == "Karpenter" and "not-ready:NoSchedule" in each.change for each in made.requirements)

    def test_the_autoscaler_is_told_by_its_program(self):
        template = app("autoscaler")
        template["spec"]["containers"][0]["image"] = "registry.acme.test/autoscaling/cluster-autoscaler:v1.33.0"
        scaler = o.controller("Deployment", "ca", "kube-system", template, 1)
        assert values("istiod", istiod(), scaler, istio_cni("kube-system"))["taint"] == {
            "enabled": True, "namespace": "kube-system",
        }  # fmt: skip

    @pytest.mark.parametrize("name", ["cluster-autoscaler-dashboard", "karpenter-exporter"])
    def test_a_program_that_only_sounds_like_it_is_none(self, name):
        assert "taint" not in values("istiod", istiod(), *workload(app(name), name), node())

    def test_paths_that_the_agent_was_told_are_kept(self):
        volumes = [
            {"name": "cni-bin-dir", "hostPath": {"path": "/odd/bin"}},
            {"name": "cni-net-dir", "hostPath": {"path": "/etc/cni/net.d"}},
            {"name": "broken", "hostPath": None},
            None,
        ]
        found = values("cni", istiod(), istio_cni(volumes=volumes), node())
        assert found["cni"]["cniBinDir"] == "/odd/bin"
        assert "cniConfDir" not in found["cni"]

    def test_a_private_registry_and_its_variant_go_to_every_chart(self):
        private = istiod(image="registry.acme.test:5000/istio/pilot:1.29.2-acme")
        for name in ("istiod", "cni", "ztunnel"):
            found = values(name, private, injector({"global": {"imagePullSecrets": ["regcred"]}}))["global"]
            assert found == {
                "hub": "registry.acme.test:5000/istio", "variant": "", "tag": "1.29.2-acme", "imagePullSecrets": ["regcred"],
            }  # fmt: skip

    def test_a_tag_of_its_own_does_not_go_to_another_release(self):
        private = istiod(image="registry.acme.test/istio/pilot:1.28.2-acme")
        found = values("istiod", private, settings=InstallSettings(version="1.29.2"))["global"]
        assert "tag" not in found

    def test_ztunnel_calls_cluster_network_and_authority_as_istiod_does(self):
        given = {"global": {"network": "n1", "caAddress": "csr.cert-manager.svc:443"}}
        found = values("ztunnel", istiod(env={"CLUSTER_ID": "east"}), injector(given))
        assert found["multiCluster"] == {"clusterName": "east"}
        assert (found["network"], found["caAddress"]) == ("n1", "csr.cert-manager.svc:443")

    def test_the_network_of_the_namespaces_label_in_an_older_chart(self):
        labels = {"topology.istio.io/network": "n2"}
        old = istiod(image="docker.io/istio/pilot:1.25.1")
        assert values("ztunnel", old, labelled("istio-system", labels))["env"] == {"NETWORK": "n2"}

    def test_another_namespace_of_istiod(self):
        made = install(istiod(space="mesh"), node())
        assert made.chart("istiod").values["global"]["istioNamespace"] == "mesh"
        assert made.chart("base").values["global"] == {"istioNamespace": "mesh"}
        assert made.chart("ztunnel").values["istioNamespace"] == "mesh"

    def test_a_ztunnel_elsewhere_is_trusted_by_istiod(self):
        assert values("istiod", istiod(), ztunnels("kube-system"))["trustedZtunnelNamespace"] == "kube-system"

    def test_a_list_of_trusted_accounts_takes_ztunnel_in(self):
        listed = istiod(env={"CA_TRUSTED_NODE_ACCOUNTS": "edge/proxy"})
        assert values("istiod", listed)["env"]["CA_TRUSTED_NODE_ACCOUNTS"] == "edge/proxy,istio-system/ztunnel"


class TestKeys:
    """Only values that the charts know, at both ends of what is supported."""

    @pytest.mark.parametrize("version", ["1.24", "1.30"])
    def test_every_value_is_one_of_the_charts(self, version):
        listed = set((Path(__file__).parent / f"chart-values-{version}.txt").read_text().splitlines())
        given = {
            "global": {"network": "n1", "caAddress": "a:1", "imagePullSecrets": ["r"], "meshID": "m", "caName": "c",
                       "proxy": {"tracer": "zipkin", "privileged": True}},
            "sidecarInjectorWebhook": {"templates": {"a": "b"}, "enableNamespacesByDefault": True},
            "pilot": {"cni": {"enabled": True}},
        }  # fmt: skip
        objects = [
            istiod("r1", space="mesh", image=f"registry.acme.test/pilot:{version}.0-x", env={"CLUSTER_ID": "e"}),
            injector(given, "r1", "mesh"),
            mesh_config("trustDomain: t", "r1", "mesh"),
            node(labels={"karpenter.sh/nodepool": "p", "cloud.google.com/gke-nodepool": "p"}),
            ztunnels("kube-system"),
            istio_cni("kube-system", volumes=[{"name": "cni-bin-dir", "hostPath": {"path": "/odd"}}]),
        ]
        for chart in install(*objects).charts:
            for each in chart.evidence:
                name = each.value.removeprefix(ELSEWHERE.get(chart.name, ""))
                free = name.partition(".")[0] in FREE or name in UNLISTED
                assert free or f"{chart.name} {name}" in listed, f"{chart.name} {version}: {name}"

    def test_values_of_later_releases_stay_out_of_earlier_ones(self):
        old = values("cni", istiod(image="docker.io/istio/pilot:1.24.3"), node())["cni"]
        new = values("cni", istiod(), node())["cni"]
        assert old == {"ambient": {"dnsCapture": True}}
        assert new == {
            "ambient": {"dnsCapture": True, "enableAmbientDetectionRetry": True},
            "istioOwnedCNIConfig": True,
        }


class TestVersions:
    @pytest.mark.parametrize("version", ["latest", "1.23.4", "1.29.2; rm -rf /", "0.9", "v1.29.2", "1.29.2\n"])
    def test_one_that_cannot_be_installed(self, version):
        with pytest.raises(UsageError):
            install(istiod(), settings=InstallSettings(version=version))

    def test_one_that_runs_and_is_too_old_is_not_installed(self):
        made = install(istiod(image="docker.io/istio/pilot:1.22.1"))
        assert made.version == ""
        assert "$ISTIO_VERSION" in made.commands[0]
        assert any("1.24 or later" in each.change and each.met is False for each in made.requirements)

    @pytest.mark.parametrize(
        ("wanted", "told"), [("1.30.0", False), ("1.29.9", False), ("1.31.0", True), ("1.28.0", True)]
    )
    def test_a_step_of_more_than_one_minor_release_is_told(self, wanted, told):
        made = install(istiod(), settings=InstallSettings(version=wanted))
        assert any("one minor release at a time" in each.change for each in made.requirements) is told

    def test_a_tag_that_names_no_release(self):
        made = install(istiod(image="docker.io/istio/pilot:latest"))
        assert [each.met for each in made.requirements if "which release" in each.change] == [False]


@pytest.mark.parametrize("field", ["connections_per_node", "requests_per_node"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), 10**12])
def test_a_measurement_that_cannot_be(field, value):
    with pytest.raises(UsageError):
        install(istiod(), settings=InstallSettings(**{field: value}))


def test_nothing_at_all_is_assumed_aloud():
    made = install()
    assert made.chart("istiod").namespace == "istio-system"
    assert any("no istiod was read" in each for each in made.assumed)
    assert any("which release to install" in each for each in made.assumed)


def test_only_some_namespaces_are_said():
    from msgspec.structs import replace  # noqa: PLC0415

    read = mesh(istiod())
    narrow = replace(read, source=replace(read.source, namespaces=("shop",)))
    assert any("only some namespaces" in each for each in install_files(narrow, InstallSettings()).assumed)


class TestDns:
    ENTRY = o.istio("ServiceEntry", "api", "shop", {"hosts": ["api.test"], "resolution": "DNS"})
    PATH = "cni.ambient.dnsCapture"

    def test_goes_on_where_sidecars_do_it(self):
        text = "defaultConfig: {proxyMetadata: {ISTIO_META_DNS_CAPTURE: 'true'}}"
        assert "goes on" in evidence("cni", self.PATH, istiod(), mesh_config(text)).because

    def test_is_needed_by_entries_without_addresses(self):
        told = evidence("cni", self.PATH, istiod(), self.ENTRY)
        assert (str(told.object), "1 ServiceEntries" in told.because) == ("ServiceEntry shop/api", True)

    def test_is_the_default_and_assumed_where_entries_were_not_read(self):
        gap = Gap("serviceentries.networking.istio.io", GapReason.FORBIDDEN)
        assert evidence("cni", self.PATH, istiod()).assumed is False
        assert evidence("cni", self.PATH, istiod(), gaps=(gap,)).assumed is True

    def test_is_what_the_caller_says(self):
        settings = InstallSettings(dns_capture=False)
        assert values("cni", istiod(), self.ENTRY, settings=settings)["cni"]["ambient"]["dnsCapture"] is False

    @pytest.mark.parametrize(("enabled", "captured"), [("true", False), ("false", True)])
    def test_is_kept_where_ambient_runs_already(self, enabled, captured):
        data = {"AMBIENT_ENABLED": enabled, "AMBIENT_DNS_CAPTURE": "false", "EXCLUDE_NAMESPACES": "kube-system, infra"}
        config = o.thing("v1", "ConfigMap", o.meta("istio-cni-config", "istio-system"), data=data)
        found = values("cni", istiod(), istio_cni(), config)["cni"]
        assert found["ambient"]["dnsCapture"] is captured
        assert found["excludeNamespaces"] == ["kube-system", "infra"]


def test_files_are_a_source_like_any_other():
    rendered = istiod(owned=False)
    rendered["metadata"]["labels"] |= {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "cp"}
    made = install(rendered, daemon_set("aws-node"), kind=SourceKind.FILES)
    assert (made.chart("istiod").release, made.chart("istiod").owner) == ("cp", Owner.HELM)
